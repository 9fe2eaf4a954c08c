from __future__ import annotations

from collections.abc import Iterator

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.run import EvaluationSet, Layer, Training

INSIDE = ("recurrent", "attention")  # that have a dropout of their own inside


@rule(needs=("evaluations",), symptoms=("suspicious-validation",))
def evaluation_in_training_mode(
    training: Training, *, same_data: float = 0.9, rare_steps: float = 2.0, strong_dropout: float = 0.25
) -> Iterator[Finding]:
    """Dropout or batch norm is in training mode while evaluating.

    What it does:
        Looks at the mode of every dropout (of p > 0; also of `F.dropout`, of attention called as a function, and of dropout
        modules that stand in a plain list or are made in `forward`), of batch norm, of recurrent layers and attention with dropout
        inside, and of layers of your own whose code asks for `self.training`, during each evaluation. Evaluations
        of which `same_data` or more are training samples, and those that come with about every step (one in `rare_steps` or
        oftener with gradients on), are figures about the training and left out.

    Why is this bad:
        Dropout makes the validated network a weaker one than the trained. Batch norm normalises each validation batch
        by itself, so a sample's answer depends on its neighbours, and moves its running averages towards the
        validation data: the reported result is not that of the network.

    Fix:
        `model.eval()` before evaluating, `model.train()` before training on. It reaches what is an attribute of a module or stands
        in an `nn.ModuleList`, no plain list.

    Known problems:
        Dropout alone left on while batch norm is in evaluation mode is taken for Monte Carlo dropout and noted only;
        a network without batch norm that does so looks like the fault, unless it is asked the same three times in a row or oftener.

    Example:
        `with torch.no_grad(): accuracy(model(x_val), y_val)` without `model.eval()`

    References:
        torch.nn.Module.eval; Srivastava et al. 2014, Dropout, https://jmlr.org/papers/v15/srivastava14a.html; Ioffe &
        Szegedy 2015, Batch Normalization, section 3.1. 0.9: a split that shares nine in ten samples is the training
        set.
    """
    if training.kind in ("gan", "reinforcement"):
        return  # they sample as they train
    for evaluation in training.evaluations:
        if len(evaluation) and not _about_training(training, evaluation, same_data, rare_steps):
            yield from _judge(training, evaluation, strong_dropout)


def _about_training(training: Training, evaluation: EvaluationSet, same_data: float, rare_steps: float) -> bool:
    if evaluation.same_data is not None:
        return evaluation.same_data >= same_data
    return evaluation.grad_enabled is not False and len(evaluation) * rare_steps >= training.steps


def _judge(training: Training, evaluation: EvaluationSet, strong_dropout: float) -> Iterator[Finding]:
    layers = [la for path in evaluation.training_layers if (la := training.layer(path)) is not None and _matters(la)]
    if not layers:
        return
    norms = [layer for layer in layers if layer.role == "normalization"]
    dropouts = [layer for layer in layers if layer.role in ("dropout", *INSIDE)]
    own = [layer for layer in layers if layer not in norms and layer not in dropouts]
    others = (training.layer(path) for path in evaluation.evaluation_layers)
    functional = [layer for layer in dropouts if layer.functional]
    sampled = not norms and not functional and any(la is not None and la.role == "normalization" and _matters(la) for la in others)
    rate = max((float(la.settings.get("p", la.settings.get("dropout", 0.5))) for la in dropouts), default=0.0)
    groups = ((norms, "batch norm"), (dropouts, "dropout"), (own, " and ".join(dict.fromkeys(layer.type for layer in own))))
    kinds = " and ".join(f"{len(group)} {what} layer{'s' if len(group) > 1 else ''}" for group, what in groups if group)
    strong = bool(norms) or rate >= strong_dropout
    first = layers[0]
    passes = Evidence(
        "evaluations", evaluation.id, None, float(len(evaluation)), "above", 0.0, statistic="in training mode"
    )
    yield Finding(
        message=f"{kinds} (first {first.path}) in training mode during {len(evaluation)} evaluation"
        f"{'s' if len(evaluation) > 1 else ''} of {evaluation.name}",
        places=tuple(layer.path for layer in layers),
        evidence=(passes,),
        severity="note" if sampled else "error" if strong else "warning",
        confidence=0.4 if sampled else 0.95 if evaluation.grad_enabled is False else 0.8,
        steps=(int(evaluation.steps[0]), int(evaluation.steps[-1])),
        fix=_fix(training, first, evaluation),
        source=evaluation.site.source,
    )


def _fix(training: Training, first: Layer, evaluation: EvaluationSet) -> Fix:
    p = float(first.settings.get("p", 0.5))
    if first.functional and training.layer(f"{first.path.partition('/')[0]}/softmax") is not None:
        return Fix(
            "tell the attention the mode: what is called as a function drops in evaluation too unless its dropout_p is 0",
            f"F.scaled_dot_product_attention(q, k, v, dropout_p={p:.2g} if self.training else 0.0)",
        )
    if first.settings.get("registered") is False:
        name, kept = first.path.partition("[")[0].rpartition(".")[2], "[" in first.path
        return Fix(
            f"keep the dropout in the network: {first.network or 'model'}.eval() does not reach a module "
            + ("in a plain list, tuple or dict, it does in an nn.ModuleList or nn.ModuleDict" if kept else "that is made in forward"),
            f"self.{name} = nn.ModuleList(self.{name})" if kept else f"self.drop = nn.Dropout({p:.2g})  # in __init__",
        )
    if first.functional:
        return Fix(
            "tell F.dropout the mode: it drops in evaluation too unless its argument training is False",
            f"F.dropout(x, p={p:.2g}, training=self.training)",
        )
    model = first.network or "model"
    return Fix(
        f"call {model}.eval() before evaluating {evaluation.name} and .train() before training on",
        f"{model}.eval()\nwith torch.no_grad():\n    …  # evaluate\n{model}.train()",
    )


def _matters(layer: Layer) -> bool:
    """Whether the layer computes something else in training than in evaluation mode."""
    if layer.role == "dropout":
        return float(layer.settings.get("p", 0.5)) > 0
    if layer.role in INSIDE:
        return float(layer.settings.get("dropout", 0.0)) > 0
    if layer.role == "normalization":
        running = "BatchNorm" in layer.type or (
            "InstanceNorm" in layer.type and layer.settings.get("track_running_stats")
        )
        return bool(running) and layer.settings.get("track_running_stats", True) is not False
    return not layer.functional  # its own code asks for the mode, else it was not looked at
