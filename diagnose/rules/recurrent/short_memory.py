from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.rules.progress import left_over, stuck
from diagnose.rules.reach import CALLS, cut_from_loss, cut_off, reaches
from diagnose.run import Layer, Training

UNGATED = ("RNN", "RNNCell")


@rule(
    needs=("output_gradient_norm",),
    symptoms=(
        "vanishing-gradients", "loss-not-decreasing", "underfitting", "constant-output", "learning-rate-too-low",
        "stopped-too-early", "wasted-epochs", "input-ignored",
    ),
)  # fmt: skip
def short_memory(
    training: Training, *, ratio: float = 1e-4, gated: float = 1e-7, unlearnt: float = 0.1, window: int = 20, min_length: int = 8,
    min_snapshots: int = 3,
) -> Iterator[Finding]:
    """What came early in the sequence has no influence on the end.

    What it does:
        Takes the gradient of a recurrent layer's last output with respect to its input at each time (or, for a layer
        that the program calls again and again, of the loss with respect to its outputs), relative to the newest, and
        speaks when it is under `ratio` (`gated` for a layer with gates) over the first quarter of the sequence (median
        over the snapshots, and at the end) while the loss learns next to nothing. It also speaks of a cell that is called
        again and again, of whose calls the loss reaches only the last: its state is taken out of the graph at each time; of a
        layer that is given sequences of one step, or is called again and again and begins from zeros each time (the weights of
        its state never have a gradient), where more than `unlearnt` of a constant answer's loss is left; and of one
        that is given a state without a gradient and so few steps (under `window`) that no gradient spans more.

    Why is this bad:
        A gradient that fades along time cannot teach the network to keep what it saw: anything that depends on the
        beginning of the sequence stays unlearnt.

    Fix:
        LSTM or GRU instead of a plain RNN, a forget-gate bias of one, shorter sequences, or attention.

    Known problems:
        Many series need only their recent past: where the loss falls nothing is said. A state that the program hands on is
        seen where a layer takes sequences, not where a cell is called.

    Example:
        `diagnose run demos/recurrent.py --problem short-memory`

    References:
        Bengio et al. 1994, https://doi.org/10.1109/72.279181; Hochreiter & Schmidhuber 1997,
        https://doi.org/10.1162/neco.1997.9.8.1735. Gates keep the ratio above 1e-2 over a hundred steps where the task
        asks for it; a plain RNN in its default initialisation falls under 1e-4 within twenty. Gates that are half open let 1e-4 through
        twenty steps and 5e-7 through thirty, which taught nobody to forget; where they kept the answer from being
        learnt it was 1e-10. 0.1: windows of one step left 0.23 where windows of twenty left 0.02. 20: the
        shortest window of Zaremba et al. 2014, https://arxiv.org/abs/1409.2329, whose states are handed on; the 70 of the fix is
        that of Merity et al. 2018, https://arxiv.org/abs/1708.02182.
    """
    yield from _single_steps(training, unlearnt)
    yield from _forgotten(training, unlearnt, min_snapshots)
    suffering = stuck(training)
    if suffering is None:
        return
    for reach in reaches(training, min_length=min_length):
        if len(reach.steps) < min_snapshots or not np.isfinite(reach.values).all():
            continue
        far = np.median(reach.early, axis=1)
        value, late = float(np.median(far)), float(np.median(far[-min_snapshots:]))
        place, layer, length = reach.place, reach.layer, reach.values.shape[1]
        if layer is not None and cut_from_loss(training, layer):
            continue  # it remembers what it was drawn to: `unused-parameters` says why
        limit = ratio if layer is None or layer.type in UNGATED else gated
        if not (value < limit and late < limit):
            continue
        span = (int(reach.steps[0]), int(reach.steps[-1]))
        back = int(length - np.argmax(np.median(reach.values, axis=0) >= limit))
        yield Finding(
            message=f"the last output of {place} depends on the first quarter of its {_length(layer, length)} "
            f"inputs by {value:.1e} "
            f"of what it does on the newest, limit {limit:g}",
            places=(place,),
            evidence=(Evidence(reach.quantity, place, span, value, "below", limit, "ratio"), suffering),
            confidence=0.9,
            steps=span,
            fix=_fix(layer, back, length),
            source=layer.source if layer else None,
        )
    yield from _cut(training, suffering, min_snapshots)
    yield from _windows(training, suffering, window)


def _single_steps(training: Training, unlearnt: float) -> Iterator[Finding]:
    """A layer whose sequences have one step, and that is called once in a forward: there is nothing to remember."""
    suffering = left_over(training, unlearnt)
    if suffering is None:
        return
    for layer in training.layers:
        if layer.type not in ("RNN", "LSTM", "GRU") or layer.input_shape is None or len(layer.input_shape) != 3:
            continue
        if _length(layer, 0) != 1 or training.layer(f"{layer.path.split('#')[0]}#2") is not None:
            continue
        yield Finding(
            message=f"{layer.path} is given sequences of 1 step, {layer.input_shape}: there is nothing that it could remember",
            places=(layer.path,),
            evidence=(Evidence("sequence_length", layer.path, None, 1.0, "below", 2.0, statistic="shape"), suffering),
            severity="warning",
            confidence=0.75,
            steps=suffering.steps,
            fix=Fix("give it windows of several steps, or hand its state on from step to step (detached where a batch ends)"),
            source=layer.source,
        )
        return


def _forgotten(training: Training, unlearnt: float, least: int) -> Iterator[Finding]:
    """A layer that is called several times in a forward, each time without the state of the call before.

    The gradient of the weights of a state that is zero is zero, whatever the loss.
    """
    suffering = left_over(training, unlearnt)
    if suffering is None:
        return
    for layer in training.layers:
        if layer.role != "recurrent" or training.layer(f"{layer.path}#2") is None:
            continue
        norms = {p.path: training.series("gradient_norm", p.path).finite() for p in training.parameters if p.path in layer.parameters}
        state = {path: norm for path, norm in norms.items() if "weight_hh" in path}
        others = [norm for path, norm in norms.items() if "weight_ih" in path]
        if not state or any(len(norm) < least or norm.values.any() for norm in state.values()):
            continue
        if not any(norm.values.any() for norm in others):
            continue
        path, norm = next(iter(state.items()))
        yield Finding(
            message=f"{layer.path} is called again and again and begins from zeros each time: the gradient of {path} is 0 "
            "at every snapshot",
            places=(layer.path,),
            evidence=(Evidence("gradient_norm", path, norm.span, 0.0, "equal", 0.0, statistic="max"), suffering),
            confidence=0.9,
            steps=norm.span,
            fix=Fix("hand the state on from one call to the next", _handed_on(layer)),
            source=layer.source,
        )
        return


def _handed_on(layer: Layer) -> str:
    name = layer.path.rsplit(".", 1)[-1]
    if layer.type == "LSTMCell":
        return f"h, c = self.{name}(x[:, t], (h, c))"
    return f"h = self.{name}(x[:, t], h)" if layer.type.endswith("Cell") else f"out, state = self.{name}(x[:, t : t + 1], state)"


def _cut(training: Training, suffering: Evidence, least: int) -> Iterator[Finding]:
    for layer, newest in cut_off(training):
        if len(newest) < least:
            continue
        yield Finding(
            message=f"of the calls of {layer.path} in a sequence the loss reaches the last alone: nothing flows from 1 call to "
            "the next but numbers",
            places=(layer.path,),
            evidence=(
                Evidence("calls_reached", layer.path, newest.span, 1.0, "below", float(CALLS), statistic="of those kept apart"),
                suffering,
            ),
            confidence=0.9,
            steps=newest.span,
            fix=Fix("hand the state on as it is: no detach(), .data or torch.tensor() between the times", "h = cell(x[:, t], h)"),
            source=layer.source,
        )


def _windows(training: Training, suffering: Evidence, window: int) -> Iterator[Finding]:
    """A layer whose state is handed on from one window to the next, which are so short that a gradient spans few steps."""
    for place in training.places("state_handed_on"):
        given, layer = training.series("state_handed_on", place).finite(), training.layer(place)
        length = _length(layer, window)
        if not (length < window and len(given) >= 2 and float(np.median(given.values)) > 0):
            continue
        yield Finding(
            message=f"{place} is given a state without its gradient and {length} steps: what lies further back it cannot learn to keep",
            places=(place,),
            evidence=(
                Evidence("sequence_length", place, given.span, float(length), "below", float(window), statistic="shape"),
                suffering,
            ),
            severity="warning",
            confidence=0.6,
            steps=signs.span(training),
            fix=Fix(f"windows of {window} to 70 steps between two detach() of the state"),
            source=layer.source if layer else None,
        )
        return


def _length(layer: Layer | None, length: int) -> int:
    shape = layer.input_shape if layer is not None else None
    if shape is None or len(shape) != 3 or layer is None:
        return length
    return shape[1] if layer.settings.get("batch_first") else shape[0]


def _fix(layer: Layer | None, reach: int, length: int) -> Fix:
    if layer is not None and layer.type in UNGATED:
        size = layer.settings.get("hidden_size", "hidden")
        into = layer.settings.get("input_size", "inputs")
        first = ", batch_first=True" if layer.settings.get("batch_first") else ""
        text = f"a plain RNN remembers about {reach} of {length} observed steps here: use an LSTM or GRU"
        return Fix(text, f"nn.LSTM({into}, {size}{first})")
    return Fix(
        "start the forget gate open (bias 1), shorten the sequence, or let attention reach back to the early steps",
        "layer.bias_ih_l0.data[hidden:2 * hidden] = 1.0",
    )
