from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.run import Event, Training

CONSEQUENTIAL = ("loss", "gradient", "parameter")  # an output may hold -inf on purpose: the mask of an attention
ORDER = ("input", "output", "loss", "gradient", "parameter")  # in which they arise within one step
CURES = {
    "log": "keep its argument away from zero: clamp(min=1e-8), log1p, or a function that takes logits "
    "(log_softmax, logsigmoid)",
    "sqrt": "add a small number under the root: its slope at zero is infinite",
    "div": "add a small number to the divisor",
    "exp": "bound its argument or subtract the largest (logsumexp): exp overflows float32 above 88",
    "pow": "keep the base away from zero",
    "norm": "add a small number under the root: the slope of a norm at zero is not a number",
}


@rule(
    symptoms=(
        "diverging-loss", "loss-not-decreasing", "underfitting", "constant-output", "dead-units", "loss-spikes",
        "oscillating-loss", "stopped-too-early", "wasted-epochs", "overtraining", "overfitting",
    ),
)  # fmt: skip
def non_finite_values(training: Training, *, after: int = 0) -> Iterator[Finding]:
    """A number became nan or infinite.

    What it does:
        Names the first place and step (from `after` on) where a value was not finite, once the loss, a gradient or a
        parameter was. An infinite output alone is none of them: attention masks are made of -inf. Steps that a gradient
        scaler skipped are left out.

    Why is this bad:
        nan spreads: after one update every weight it reaches is nan, and nothing is learnt any more.

    Fix:
        Look at the place named: a logarithm or a root of zero, a division by zero, an overflow after too large a
        learning rate, or nan in the data.

    Known problems:
        Between the first and the last operation of one layer the place is not told apart.

    Example:
        `diagnose run tests/challenges/at-blob-exponential/faulty.py`

    References:
        Goldberg 1991, What every computer scientist should know about floating-point arithmetic,
        https://doi.org/10.1145/103162.103163
    """
    skipped = {int(s) for s, v in _pairs(training, "skipped") if v == 1}
    events = [
        e
        for e in training.events
        if e.kind == "non-finite" and (e.step is None or (e.step >= after and e.step not in skipped))
    ]
    bad = [(s, v) for s, v in _pairs(training, "loss") if not np.isfinite(v) and s >= after and s not in skipped]
    if not bad and not any(e.details.get("what") in CONSEQUENTIAL for e in events):
        return
    first = min(events, key=_when, default=None)
    loss = training.series("loss")
    steps = [s for s in (bad[0][0] if bad else None, first.step if first else None) if s is not None]
    step = min(steps) if steps else None
    if first is None or (bad and first.step is not None and bad[0][0] < first.step):
        first = Event("non-finite", bad[0][0], None, {"what": "loss", "value": _name(bad[0][1])})
    last = int(loss.steps[-1]) if len(loss) else step
    broken = _ends_broken(training)
    what, value = str(first.details.get("what", "value")), str(first.details.get("value", "nan"))
    place = first.place or "loss"
    shown = first.place and training.layer(first.place)
    of = {"output": f"the output of {place}", "gradient": f"the gradient of {place}", "parameter": f"{place}"}
    message = f"{value} first at step {'?' if step is None else step}, in {of.get(what, 'the ' + what)}"
    if shown:
        message += f" ({shown.type})"
    if "rank" in first.details:
        message += f" of rank {first.details['rank']}"
    if not broken:
        message += "; the training recovered"
    parameter = training.parameter(first.place) if first.place else None
    source = (shown.source if shown else None) or (parameter.source if parameter else None)
    source = source or next((s.source for s in training.training_losses if s.source), None)
    span = (step, last if last is not None else step) if step is not None else None
    number = float("nan") if value == "nan" else float("-inf") if value == "-inf" else float("inf")
    evidence = []
    if bad:
        steps_of_loss = (bad[0][0], bad[-1][0])
        evidence.append(Evidence("loss", None, steps_of_loss, bad[0][1], "outside", (-3.5e38, 3.5e38), "loss", "first"))
    else:
        evidence.append(Evidence(what, first.place, span, number, "outside", (-3.5e38, 3.5e38), None, "first"))
    yield Finding(
        message=message,
        places=(place,),
        evidence=tuple(evidence),
        severity="error" if broken else "warning",
        confidence=0.97 if broken else 0.7,
        steps=span,
        fix=_fix(first, events, training),
        source=source,
    )


def _pairs(training: Training, quantity: str) -> list[tuple[int, float]]:
    series = training.series(quantity)
    return list(zip(series.steps.tolist(), series.values.tolist(), strict=True))


def _name(value: float) -> str:
    return "nan" if np.isnan(value) else "inf" if value > 0 else "-inf"


def _when(event: Event) -> tuple[float, int]:
    what = event.details.get("what")
    return (
        float("inf") if event.step is None else event.step,
        ORDER.index(what) if what in ORDER else len(ORDER),
    )


def _ends_broken(training: Training) -> bool:
    """Whether the loss or a parameter was still not finite at the end."""
    loss = training.series("loss")
    if len(loss):
        tail = loss.values[-max(1, len(loss) // 20) :]
        if not np.isfinite(tail).any():
            return True
    norms = training.matrix("weight_norm")
    if len(norms.steps):
        last = norms.values[-1]
        return bool(np.isinf(last).any())
    return not len(loss)


def _fix(first: Event, events: Sequence[Event], training: Training) -> Fix:
    details: dict[str, Any] = dict(first.details)
    operation = str(details.get("operation") or "").lower()
    for name, cure in CURES.items():
        if operation.startswith(name):
            return Fix(f"{operation}: {cure}")
    if details.get("what") == "input":
        return Fix(
            "the data hold the value already: remove or fill such samples before training",
            "x = torch.nan_to_num(x)",
        )
    rates = training.series("learning_rate").finite()
    if first.step is not None and first.step > 0 and len(rates):
        rate = float(rates.values[min(len(rates) - 1, int(np.searchsorted(rates.steps, first.step)))])
        text = f"lower the learning rate ({rate:g} at that step) tenfold, to {rate / 10:g}, and clip the gradient norm"
        return Fix(text, "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)")
    if first.step == 0:
        return Fix(
            "it arises before any update: look for log, sqrt, exp or a division in the forward, and at the "
            "initial weights"
        )
    return Fix("look for log, sqrt, exp or a division at this place, and lower the learning rate")
