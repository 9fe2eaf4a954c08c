from collections.abc import Iterator

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.run import Parameter, Training

USUAL = (
    0.06  # relative distance from a usual initial standard deviation: four times its sampling error at 1,000 weights
)


@rule(
    needs=("parameters",),
    symptoms=(
        "loss-not-decreasing", "underfitting", "learning-rate-too-low", "stopped-too-early", "constant-output",
        "unused-parameters", "vanishing-gradients", "wasted-epochs",
    ),
)  # fmt: skip
def parameters_not_in_optimizer(training: Training, *, share: float = 0.01, min_steps: int = 5) -> Iterator[Finding]:
    """Parameters get gradients, but no optimizer holds them.

    What it does:
        Looks for parameters that require a gradient, that a backward reached, and that none of the training's
        optimizers holds. It speaks when they are more than `share` of the network's weights, or any weights at all of a module
        that belongs to no network of the optimizers (a loss with class centres of its own: few numbers that every answer passes),
        and still look as they were drawn: pretrained weights that are left alone on purpose do not.

    Why is this bad:
        They are random for ever. Often layers stand in a plain Python list, which model.parameters() does not look
        into, a module was replaced after the optimizer was built, or a second network or the loss's own parameters were forgotten.

    Fix:
        nn.ModuleList instead of a list; build the optimizer last, from all parameters, those of the loss included.

    Known problems:
        A random projection that is left untrained on purpose is reported: freeze it by requires_grad_(False), which
        also saves the computation.

    Example:
        `diagnose run tests/challenges/pt-layers-in-list/faulty.py`

    References:
        torch.nn.ModuleList, https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html. What "as drawn"
        means: the standard deviations of PyTorch's default, He's and Glorot's initialisation, and the identity (Le et al. 2015,
        https://arxiv.org/abs/1504.00941). `share`: own choice, as in unused-parameters. None for a module of its own: the class
        centres of an angular margin loss (issue 10 of 4uiiurz1/pytorch-adacos) were 0.6 % of the weights, and 77 % of the answers
        were right instead of 83 %; none of 436 sound recorded programs leaves out such a module, and the other five
        faulty ones that do lose 15 % of their weights or more.
    """
    if training.steps < min_steps:
        return
    left = [p for p in training.parameters if p.trainable and not p.optimized and p.reached]
    total = sum(p.size for p in training.parameters if p.reached or p.optimized)
    weights = [p for p in left if len(p.shape) >= 2]
    if not left or not total:
        return
    if weights and not all(_as_drawn(p) for p in weights):
        return
    size = sum(p.size for p in left)
    found = size / total
    everything = not any(p.optimized and p.trainable for p in training.parameters)
    if not weights and not everything:
        return  # gains and biases alone: often on purpose
    alone = [p for p in weights if not p.network and training.networks and not p.path.startswith(tuple(f"{n}." for n in training.networks))]
    if not found > share and not everything and not alone:
        return
    first = (weights or left)[0]
    layer = training.layer(first.layer)
    others = f" and {len(left) - 1} more" if len(left) > 1 else ""
    optimizer = next((o for o in training.optimizers if o.source is not None), None)
    yield Finding(
        message=f"{first.path}{others} get gradients but are in no optimizer: {size:,} of {total:,} weights "
        f"({found:.0%}) "
        "are never updated",
        places=tuple(dict.fromkeys(p.layer or p.path for p in left)),
        evidence=(
            Evidence(
                "parameters", first.path, (0, max(training.steps - 1, 0)), found, "above", min(share, found / 2),
                "share of weights", "share",
            ),
        ),
        severity="error" if found > 0.05 or everything else "warning",
        confidence=0.93,
        steps=(0, max(training.steps - 1, 0)),
        fix=Fix(
            f"give the optimizer the parameters of {alone[0].layer or alone[0].path} as well",
            f"{optimizer.type if optimizer else 'Adam'}([*model.parameters(), *criterion.parameters()], …)",
        )
        if alone and len(alone) == len(weights)
        else Fix(
            "hold layers in nn.ModuleList (a plain list hides them) and tensors in nn.Parameter, and give all parameters to the "
            "optimizer after the last layer is in place",
            "self.layers = nn.ModuleList(layers)  # then "
            f"{optimizer.type if optimizer else 'Adam'}(model.parameters(), …)",
        ),
        source=(optimizer.source if optimizer else None) or (layer.source if layer else None) or first.source,
    )  # fmt: skip


def _as_drawn(parameter: Parameter) -> bool:
    """Whether a weight's first statistics are those of a usual random initialisation."""
    spread, mean = parameter.initial.get("std"), parameter.initial.get("mean")
    if spread is None or mean is None:
        return True  # nothing speaks for trained weights
    fan_in = parameter.fan_in or (parameter.size // max(parameter.shape[0], 1))
    fan_out = parameter.fan_out or parameter.shape[0]
    if spread == 0:
        return True
    square = len(parameter.shape) == 2 and parameter.shape[0] == parameter.shape[1]
    if square and abs(mean * fan_in - 1) < USUAL and abs(spread / (mean * (1 - mean)) ** 0.5 - 1) < USUAL:
        return True  # the identity
    if abs(mean) > 4 * spread / max(parameter.size, 1) ** 0.5:
        return False
    usual = [
        (1 / (3 * fan_in)) ** 0.5,  # PyTorch's default for Linear and convolutions
        (2 / fan_in) ** 0.5, (2 / fan_out) ** 0.5,  # He
        (1 / fan_in) ** 0.5,  # LeCun
        (2 / (fan_in + fan_out)) ** 0.5,  # Glorot
        (1 / (3 * fan_out)) ** 0.5, (4 / (3 * fan_out)) ** 0.5,  # recurrent modules: by the hidden size
        1.0, 0.02, 0.01, 0.05, 0.1,
    ]  # fmt: skip
    near = max(USUAL, 4 / (2 * parameter.size) ** 0.5)
    return any(abs(spread / value - 1) < near for value in usual)
