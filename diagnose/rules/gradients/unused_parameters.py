from collections.abc import Iterator, Sequence
from dataclasses import replace

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.progress import left_over
from diagnose.rules.reach import reached
from diagnose.run import Parameter, Training

WHY = {
    "frozen": "requires_grad is False",
    "unreached": "no backward reaches them",
    "flat": "their gradient is exactly zero from the first step on",
}


@rule(
    needs=("parameters",),
    symptoms=(
        "loss-not-decreasing", "underfitting", "learning-rate-too-low", "constant-output", "stopped-too-early",
        "vanishing-gradients", "wasted-epochs",
    ),
)  # fmt: skip
def unused_parameters(
    training: Training, *, share: float = 0.01, most: float = 0.5, unlearnt: float = 0.5, min_steps: int = 5, min_snapshots: int = 10
) -> Iterator[Finding]:
    """Parameters that the optimizer holds never get a gradient.

    What it does:
        Looks for parameters that are handed to the optimizer and are meant to be trained, but that no backward
        reaches; and for an optimizer all of whose parameters are frozen. Layers all of whose gradients are exactly zero in each of
        `min_snapshots` snapshots or more, the first included, while others get some, count as well: what lies between them
        and the loss has no slope. So do weights that are frozen although the optimizer was given them, where more than `unlearnt`
        of a constant answer's loss is left. An error when nothing, or more than `most` of
        the weights, is trained; a warning from `share` of the weights on, or where the first layer that runs is
        among them; below it, a note.

    Why is this bad:
        They stay as they were drawn. Often a layer was forgotten in forward(), a tensor was detached (detach(), .data,
        numpy(), torch.tensor(loss)), the wrong parameters were frozen, or a step function (round, sign, a comparison)
        stands behind them.

    Fix:
        Use the layer, remove the detach, or leave the parameters out of the optimizer.

    Known problems:
        Frozen parameters beside trained ones are an ordinary fine-tuning and no fault, as long as something is learnt. A model
        that is only partly used (an unneeded pooler) is reported as a note or a warning, by its size. A parameter whose gradient could not
        be observed is left out.

    Example:
        `diagnose run tests/challenges/pt-everything-frozen/faulty.py`

    References:
        torch.autograd mechanics, https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation.
        Shares: own choice; what is under a hundredth of the weights hardly changes what the network can learn. 0.5: word
        vectors that were frozen by mistake (`nn.Embedding.from_pretrained` freezes) left 0.97, frozen parts of sound programs, none of
        them in the optimizer, 0.27 and less.
    """
    if training.steps < min_steps:
        return
    held = [p for p in training.parameters if p.optimized]
    total = sum(p.size for p in held)
    if not total:
        return
    frozen = [p for p in held if not p.trainable]
    unreached = [p for p in held if p.trainable and reached(training, p) is False]
    known = [p for p in held if not p.trainable or reached(training, p) is not None]
    lost = frozen + unreached
    if len(lost) == len(held) and len(known) == len(held):
        yield _finding(training, lost, "frozen" if frozen else "unreached", 1.0, most, "error", total)
        return
    flat = _flat(training, held, min_snapshots)
    if not unreached and flat:
        size = sum(p.size for p in flat) / max(sum(p.size for p in held if p.trainable), 1)
        if size > share:
            severity = "error" if size > most else "warning"
            yield _finding(training, flat, "flat", size, most if size > most else share, severity, total)
    if frozen and not unreached:
        yield from _frozen(training, frozen, total, share, unlearnt)
    if not unreached:
        return
    meant = sum(p.size for p in held if p.trainable)
    found = sum(p.size for p in unreached) / max(meant, 1)
    weights = any(len(p.shape) >= 2 for p in unreached)
    cut = weights and _upstream(training, unreached)
    severity = "error" if found > most else "warning" if (found > share and weights) or cut else "note"
    yield _finding(
        training, unreached, "unreached", found, most if found > most else min(share, found / 2), severity, meant
    )


def _frozen(training: Training, frozen: Sequence[Parameter], total: int, share: float, unlearnt: float) -> Iterator[Finding]:
    """Some are frozen though the optimizer was given them, and next to nothing is learnt."""
    weights = [p for p in frozen if len(p.shape) >= 2]
    size, left = sum(p.size for p in weights) / total, left_over(training, unlearnt)
    if size > share and left is not None:
        found = _finding(training, weights, "frozen", size, share, "warning", total)
        yield replace(found, evidence=(*found.evidence, left), confidence=0.8)


def _upstream(training: Training, unreached: Sequence[Parameter]) -> bool:
    """Whether one of their layers ran before every layer that learns: what comes first is cut off from the loss, not left over."""
    lost = {p.layer for p in unreached if len(p.shape) >= 2}
    learning = {p.layer for p in training.parameters if p.trainable and len(p.shape) >= 2 and reached(training, p)}
    order = [layer.path for layer in training.layers if layer.shape is not None and layer.path in lost | learning]
    return bool(order) and order[0] in lost and any(path in learning for path in order)


def _flat(training: Training, held: Sequence[Parameter], least: int) -> list[Parameter]:
    """Layers whose gradients were there and exactly zero at every snapshot, where others had one.

    A single weight of a layer may have none because its input is zero; then the gradient reaches the layer all the same.
    """
    flat: list[Parameter] = []
    reached: set[str] = set()
    for parameter in held:
        norms = training.series("gradient_norm", parameter.path).finite()
        if parameter.trainable and len(norms) >= least and norms.steps[0] == 0 and not norms.values.any():
            flat.append(parameter)
        elif norms.values.any():
            reached.add(parameter.layer)
    return [parameter for parameter in flat if parameter.layer not in reached] if reached else []


def _finding(
    training: Training, lost: Sequence[Parameter], why: str, found: float, limit: float, severity: str, total: int
) -> Finding:
    first = next((p for p in lost if len(p.shape) >= 2), lost[0])
    size = sum(p.size for p in lost)
    others = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    seen = "gradient_norm" if why == "flat" else "gradient_present"
    present = training.series(seen, first.path)
    steps = present.span or (0, max(training.steps - 1, 0))
    whole = "all " if found == 1.0 else ""
    message = (
        f"{first.path}{others} in the optimizer: {WHY[why]}, so {whole}{size:,} of {total:,} weights "
        f"({found:.0%}) are never trained"
    )
    place = training.layer(first.layer)
    source = (place.source if place else None) or first.source
    if source is None:
        source = next((o.source for o in training.optimizers if o.source is not None), None)
    layers = tuple(dict.fromkeys(p.layer or p.path for p in lost))
    fix = (
        Fix(
            f"unfreeze what shall be trained ({first.layer or first.path})",
            f"for p in model.{first.layer}.parameters(): p.requires_grad = True",
        )
        if why == "frozen"
        else Fix(
            f"look between {first.layer or first.path} and the loss for what has no slope (round, sign, argmax, a comparison, a "
            "product with zeros); let the gradient pass straight through it",
            "y = x + (torch.round(x) - x).detach()",
        )
        if why == "flat"
        else Fix(
            f"use {first.layer or first.path} in forward(), or look for detach(), .data, no_grad() or a "
            "conversion to numpy "
            "between it and the loss; leave it out of the optimizer if it is not needed"
        )
    )  # fmt: skip
    return Finding(
        message=message,
        places=(first.layer or first.path, *[name for name in layers if name != (first.layer or first.path)]),
        evidence=(Evidence(seen, first.path, steps, found, "above", limit, "share of weights", "share"),),
        severity="error" if severity == "error" else "warning" if severity == "warning" else "note",
        confidence=0.8 if why == "flat" else 0.95 if severity == "error" else 0.85,
        steps=steps,
        fix=fix,
        source=source,
    )
