"""How far back in time the gradient of a recurrent layer reaches."""

from __future__ import annotations

import torch
from torch import _VF, Tensor, nn
from torch.autograd import grad  # as it is before anything is intercepted: this one is ours, not the program's

from diagnose.observe.probes import per_layer, probe

SEQUENCES = 4
MOST_STEPS = 1024  # longer sequences are read from their end
POINTS = 64


@probe(
    event="recurrent",
    quantities={
        "through_time": per_layer("ratio", ragged=True),
        "state_norm": per_layer("output", ragged=True),
        "state_handed_on": per_layer("output"),
    },
)
def through_time(layer: nn.RNNBase, sequence: Tensor, output: Tensor, state: Tensor | None = None) -> dict[str, Tensor]:
    """Gradient of the last output with respect to the input at each time, and the state's norm along time.

    The layer's own arithmetic is repeated on a few sequences, apart from the program's graph, without dropout: no random
    number is drawn, nothing of the program runs again.

    Args:
        layer: RNN, LSTM or GRU; of a bidirectional one the forward direction's outputs are followed.
        sequence: its input, (batch, time, features) or (time, batch, features).
        output: its output, the same order.
        state: the hidden state that it was given to begin with, if any.

    Returns:
        through_time: at most 64 values from the oldest to the newest input: ‖vᵀ ∂h_T/∂x_t‖ relative to t = T (v a fixed
        vector); state_norm: root mean square of the output at the same times; state_handed_on: root mean square of the state
        that it was given, 0 where there was none or where a gradient goes back through it.

    Source: Pascanu, Mikolov & Bengio 2013, section 2 (the Jacobian product along time).
    """
    time, batch = (1, 0) if layer.batch_first else (0, 1)
    inputs = sequence.detach().narrow(batch, 0, min(SEQUENCES, sequence.shape[batch]))
    steps = inputs.shape[time]
    kept = min(steps, MOST_STEPS)
    inputs = inputs.narrow(time, steps - kept, kept).clone().requires_grad_()
    weights = [w.detach() for w in layer._flat_weights]  # type: ignore[union-attr]
    directions = 2 if layer.bidirectional else 1
    states = inputs.new_zeros(layer.num_layers * directions, inputs.shape[batch], getattr(layer, "proj_size", 0) or layer.hidden_size)
    with torch.enable_grad():
        rest = (weights, layer.bias, layer.num_layers, 0.0, True, layer.bidirectional, layer.batch_first)
        if layer.mode == "LSTM":
            cells = inputs.new_zeros(layer.num_layers * directions, inputs.shape[batch], layer.hidden_size)
            outputs = _VF.lstm(inputs, (states, cells), *rest)[0]
        else:
            outputs = {"GRU": _VF.gru, "RNN_TANH": _VF.rnn_tanh, "RNN_RELU": _VF.rnn_relu}[layer.mode](inputs, states, *rest)[0]
        width = outputs.shape[-1] // directions
        last = outputs.select(time, -1)[..., :width]
        direction = torch.cos(torch.arange(width, dtype=last.dtype, device=last.device))
        (gradient,) = grad((last * direction).sum(), inputs)
    norms = gradient.to(torch.float32).square().sum(-1).mean(batch).sqrt()
    sizes = output.detach().to(torch.float32).square().mean(-1).mean(batch).sqrt()[-kept:]
    points = torch.linspace(0, kept - 1, min(POINTS, kept), dtype=torch.float32, device=norms.device).round().to(torch.int64)
    handed_on = sizes.new_zeros(()) if state is None or state.requires_grad else state.to(torch.float32).square().mean().sqrt()
    return {"through_time": (norms / norms[-1])[points], "state_norm": sizes[points], "state_handed_on": handed_on}
