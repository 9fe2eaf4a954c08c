from __future__ import annotations

from collections.abc import Iterator
from math import isnan, prod

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import LossSite, Training

ELEMENTWISE = (
    "sub",
    "rsub",
    "mul",
    "add",
    "div",
    "pow",
    "abs",
    "maximum",
    "minimum",
    "where",
    "smooth_l1_loss",
    "mse_loss",
)
DELIBERATE = ("unsqueeze", "expand", "repeat", "broadcast_to", "cdist")


@rule(
    needs=("losses",),
    symptoms=(
        "short-memory", "loss-not-decreasing",
        "underfitting",
        "constant-output",
        "stopped-too-early",
        "learning-rate-too-low",
        "vanishing-gradients",
        "dead-units",
    ),
)
def loss_shape_broadcast(training: Training) -> Iterator[Finding]:
    """Prediction and target broadcast: every prediction is compared with every target.

    What it does:
        For each trained loss that compares element by element, looks whether the shapes of prediction and target
        broadcast to more elements than either has: `(N, 1)` against `(N,)` makes `(N, N)`; or whether the outputs of a
        recurrent layer at all times, `(N, T)`, are held against one target a sample, `(N, 1)`; or whether the prediction was
        broadcast before: `(N, N)`, N the batch size, against `(N,)`, where a layer that goes into it gives one number a sample and
        none gives N. For hand-written losses, looks for a difference of shape `(N, N)` whose operand was `(N, 1)` or `(N,)`.

    Why is this bad:
        The best answer to all targets at once is their mean, so the network learns to predict it, whatever its input.

    Fix:
        Give both the same shape: `target.unsqueeze(1)` or `output.squeeze(1)`.

    Known problems:
        A hand-written loss that unsqueezes or expands its operand means to compare all pairs and is not reported; nor is, in one,
        a prediction that was broadcast before: sums of all pairs are the way to write distances.

    Example:
        `F.mse_loss(nn.Linear(8, 1)(x), y)` with `y` of shape `(N,)`

    References:
        torch.nn.functional.mse_loss warns of it: "using a target size that is different to the input size […] will
        likely lead to incorrect results due to broadcasting". A prediction that was broadcast before, against `(N,)`: among 730
        recorded programs only the faulty one of such a fault (pytorch/pytorch#3268) has a square prediction and a row of targets.
    """
    for site in training.training_losses:
        if site.function == "custom":
            yield from _hand_written(training, site)
        elif site.function in (
            *signs.REGRESSION,
            "binary_cross_entropy_with_logits",
            "poisson_nll_loss",
            "gaussian_nll_loss",
        ):
            yield from _standard(training, site)


def _standard(training: Training, site: LossSite) -> Iterator[Finding]:
    shape, target = site.input_shape, site.target_shape
    made = _broadcast(shape, target)
    if (
        shape is None
        or target is None
        or made is None
        or made == target == shape
        or min(prod(shape), prod(target)) < 2
    ):
        return
    if prod(made) <= prod(shape):
        if _squared(training, site):
            count = shape[0]
            what = f"{shape} against {target}, where what is added up gives one number for each of {count} samples"
            yield _finding(training, site, what, prod(shape), count, True, f"prediction = bias(x).squeeze(1) + product  # ({count},)")
            return
        if _every_time(training, site):
            what = f"{shape} against {target} repeats each target for every time"
            code = f"loss = F.{site.function}(output[:, -1:], target)"
            yield _finding(training, site, what, prod(shape), prod(target), False, code)
        return
    grown = prod(made) > max(prod(shape), prod(target))
    if not grown and site.function == "gaussian_nll_loss":
        return
    if shape == (shape[0], 1) and target == (shape[0],):
        code = f"loss = F.{site.function}(output.squeeze(1), target)"
    elif target == (target[0], 1) and shape == (target[0],):
        code = f"loss = F.{site.function}(output, target.squeeze(1))"
    else:
        code = f"loss = F.{site.function}(output, target.reshape(output.shape))"
    yield _finding(training, site, f"{shape} against {target} makes {made}", prod(made), prod(shape), grown, code)


def _squared(training: Training, site: LossSite) -> bool:
    """Whether terms of a prediction, `(N, 1)` and `(N,)`, broadcast to `(N, N)` before the loss was called, N the batch size."""
    shape, target = site.input_shape or (), site.target_shape or ()
    if len(shape) != 2 or shape[0] != shape[1] or signs.typical(training, "samples") != shape[0]:
        return False
    one = ((shape[0],), (shape[0], 1))
    terms = {edge.source for edge in training.edges if edge.target == site.id}
    return (
        site.function in signs.REGRESSION + signs.BINARY
        and target in one
        and site.operations[:1] != ()
        and site.operations[0] in ELEMENTWISE
        and any(layer.shape in one for layer in training.layers if layer.path in terms)
        and not any(layer.shape == shape for layer in training.layers)
    )


def _every_time(training: Training, site: LossSite) -> bool:
    """Whether the outputs of a recurrent layer at all times, `(N, T)`, are held against one target a sample, `(N, 1)`."""
    shape, target = site.input_shape or (), site.target_shape or ()
    lengths = {la.shape[d] for la in training.layers if la.role == "recurrent" and la.shape and len(la.shape) == 3 for d in (0, 1)}
    return (
        site.function in signs.REGRESSION
        and len(shape) == 2
        and target == (shape[0], 1)
        and shape[1] in lengths
        and shape[1] != shape[0]
    )


def _hand_written(training: Training, site: LossSite) -> Iterator[Finding]:
    samples = signs.typical(training, "samples")
    batch = None if isnan(samples) else samples
    for i, (operation, shape) in enumerate(site.shapes[:-1]):
        square = len(shape) == 2 and shape[0] == shape[1] > 1 and batch in (shape[0], None)
        if operation not in ELEMENTWISE or not square:
            continue
        before, operand = site.shapes[i + 1]
        if operand == shape:
            continue  # an operation on the square itself; look at what made it
        if operand in ((shape[0], 1), (shape[0],)) and before not in DELIBERATE and operation in ("sub", "rsub", "mul"):
            code = "loss = ((output.squeeze(1) - target) ** 2).mean()" if operand[1:] else None
            yield _finding(
                training, site, f"{operand} against the target makes {shape}", prod(shape), prod(operand), True, code
            )
        return


def _finding(
    training: Training, site: LossSite, what: str, made: int, given: int, grown: bool, code: str | None
) -> Finding:
    place = signs.where(site)
    compared = Evidence("loss_elements", site.id, None, float(made), "above", float(given), statistic="shape")
    return Finding(
        message=f"the prediction of {place} and its target broadcast: {what}, {made} comparisons for {given} "
        "predictions",
        places=(place,),
        evidence=(compared,),
        severity="error" if grown else "warning",
        confidence=0.97 if grown and site.function != "custom" else 0.8 if grown else 0.6,
        steps=signs.span(training),
        fix=Fix("give prediction and target the same shape before the loss", code),
        source=site.source,
    )


def _broadcast(a: tuple[int, ...] | None, b: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The shape that two shapes broadcast to, None where they do not."""
    if a is None or b is None:
        return None
    length = max(len(a), len(b))
    pairs = zip((1,) * (length - len(a)) + tuple(a), (1,) * (length - len(b)) + tuple(b), strict=True)
    made = []
    for m, n in pairs:
        if m != n and 1 not in (m, n):
            return None
        made.append(n if m == 1 else m)
    return tuple(made)
