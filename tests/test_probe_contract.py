"""What every probe must hold, whatever it reads; a probe whose event has no examples here fails."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from observe.probe_references import REFERENCES
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode

from diagnose.observe.probes import Probe, all_probes
from diagnose.observe.probes.columns import Columns

Make = Callable[[torch.dtype, str], tuple[Any, ...]]


def tensor(*shape: int, dtype: torch.dtype = torch.float32, device: str = "cpu", scale: float = 1.0) -> Tensor:
    """Fixed numbers, some of them exactly zero, none of them equal in two rows."""
    if device != "cpu":  # a fake one: it has no numbers
        return torch.empty(*shape, dtype=dtype, device=device)
    count = int(np.prod(shape))
    values = np.sin(np.arange(1, count + 1) * 1.7) * scale
    values[:: 5] = 0
    return torch.from_numpy(values.astype(np.float64)).to(dtype).reshape(shape)


def labels(*shape: int, classes: int = 3, device: str = "cpu") -> Tensor:
    return torch.arange(int(np.prod(shape)), device=device).reshape(shape) % classes


def parameters(dtype: torch.dtype, device: str) -> tuple[Any, ...]:
    return ([tensor(5, 4, dtype=dtype, device=device), tensor(7, dtype=dtype, device=device),
             tensor(3, 2, 3, 3, dtype=dtype, device=device)],)  # fmt: skip


def updates(dtype: torch.dtype, device: str) -> tuple[Any, ...]:
    (before,) = parameters(dtype, device)
    return before, [0.9 * p + 0.01 for p in before]


def layers(dtype: torch.dtype, device: str) -> tuple[Any, ...]:
    flat = tensor(6, 4, dtype=dtype, device=device)
    picture = tensor(2, 3, 5, 5, dtype=dtype, device=device)
    words = tensor(2, 7, 4, dtype=dtype, device=device)
    outputs = [flat, flat.relu(), picture.tanh(), words.softmax(-1), words.sigmoid(), tensor(6, dtype=dtype, device=device)]
    return outputs, [None, "relu", "tanh", "softmax", "sigmoid", None], [False, False, True, False, False, False], [-1] * 6


def silent_units(dtype: torch.dtype, device: str) -> tuple[Any, ...]:
    """On the host already, whatever the network's type and device."""
    return [np.array([0.0, 2.0, 0.0], np.float32), np.array([0.5], np.float32)], [None, None]


def classified(dtype: torch.dtype, device: str) -> tuple[Any, ...]:
    return "cross_entropy", tensor(6, 3, dtype=dtype, device=device), labels(6, device=device)


def segmented(dtype: torch.dtype, device: str) -> tuple[Any, ...]:
    return "cross_entropy", tensor(2, 3, 4, 4, dtype=dtype, device=device), labels(2, 4, 4, device=device)


def regressed(dtype: torch.dtype, device: str) -> tuple[Any, ...]:
    return "mse_loss", tensor(6, 1, dtype=dtype, device=device), tensor(6, 1, dtype=dtype, device=device, scale=2)


def binary(dtype: torch.dtype, device: str) -> tuple[Any, ...]:
    prediction = tensor(6, dtype=dtype, device=device)
    return "binary_cross_entropy_with_logits", prediction, labels(6, classes=2, device=device).to(dtype)


def soft_targets(dtype: torch.dtype, device: str) -> tuple[Any, ...]:
    return "cross_entropy", tensor(6, 3, dtype=dtype, device=device), tensor(6, 3, dtype=dtype, device=device).softmax(1)


def fed(*shape: int) -> Make:
    return lambda dtype, device: (tensor(*shape, dtype=dtype, device=device),)


def recurrent(kind: type[nn.RNNBase], **settings: Any) -> Make:
    def make(dtype: torch.dtype, device: str) -> tuple[Any, ...]:
        layer = kind(3, 4, batch_first=True, dtype=dtype, **settings)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.copy_(tensor(*parameter.shape, dtype=dtype, device=device, scale=0.7))
            sequence = tensor(2, 6, 3, dtype=dtype, device=device)
            return layer, sequence, layer(sequence)[0]

    return make


class Indexing(TorchFunctionMode):
    """Indexing as the operations it is made of: python's own asks for a device that a CPU build of torch does not know."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not Tensor.__getitem__:
            return func(*args, **(kwargs or {}))
        found, keys = args[0], args[1] if isinstance(args[1], tuple) else (args[1],)
        keys = list(keys)
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            keys[at : at + 1] = [slice(None)] * (found.dim() - len(keys) + 1)
        dim = 0
        for key in keys:
            if isinstance(key, slice):
                found = torch.ops.aten.slice(found, dim, key.start, key.stop, key.step or 1)
                dim += 1
            elif isinstance(key, int):
                found = torch.ops.aten.select(found, dim, key)
            else:
                found = torch.ops.aten.index(found, [None] * dim + [key])
                dim += 1
        return found


EXAMPLES: dict[str, list[Make]] = {
    "gradients": [parameters],
    "updates": [updates],
    "outputs": [layers],
    "units": [silent_units],
    "losses": [classified, segmented, regressed, binary, soft_targets],
    "inputs": [fed(6, 4), fed(2, 5, 4), fed(2, 3, 5, 5), fed(6)],
    "recurrent": [recurrent(nn.LSTM), recurrent(nn.GRU, bidirectional=True), recurrent(nn.RNN, num_layers=2)],
}
CASES = [
    pytest.param(probe, make, id=f"{probe.name}-{number}")
    for probe in all_probes().values()
    for number, make in enumerate(EXAMPLES[probe.event])
]
STATE = {"silent"}  # what a probe hands back to be given again


def answers(probe: Probe, given: Sequence[Any]) -> dict[str, list[Tensor]]:
    with torch.no_grad():
        found = probe(*given)
    lists = {name: values if isinstance(values, list) else [values] for name, values in found.items() if name not in STATE}
    return {name: [one for value in values for one in _tensors(value)] for name, values in lists.items()}


def _tensors(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else list(torch.from_numpy(value))


def sent(probe: Probe, given: Sequence[Any]) -> list[Tensor]:
    """What leaves the device: everything after it is the host's."""
    if probe.gather is None or probe.measure is None:
        return [value for values in answers(probe, given).values() for value in values]
    measured = [probe.measure(*one) for one in (zip(*given, strict=True) if probe.event == "outputs" else [given])]
    columns = Columns()
    with torch.no_grad():
        arriving = probe.gather(measured, columns)
        return [*columns.gather(), *arriving.tensors]


def tensors_of(given: Any) -> list[Tensor]:
    if isinstance(given, Tensor):
        return [given]
    if isinstance(given, nn.Module):
        return list(given.parameters())
    return [t for part in given for t in tensors_of(part)] if isinstance(given, (list, tuple)) else []


@pytest.mark.parametrize(("probe", "make"), CASES)
def test_declared_shapes(probe: Probe, make: Make) -> None:
    given = make(torch.float32, "cpu")
    found = answers(probe, given)
    assert set(found) <= set(probe.quantities)
    for name, values in found.items():
        quantity = probe.quantities[name]
        if quantity.over in ("parameters", "layers") and probe.event != "recurrent":
            assert len(values) == len(given[0])
        for value in values:
            assert value.dtype == torch.float32
            assert value.dim() == 0 or (quantity.ragged and value.dim() == 1 and value.numel() <= 1000)
            assert not value.requires_grad


@pytest.mark.parametrize(("probe", "make"), CASES)
def test_equal_to_the_slow_reference(probe: Probe, make: Make) -> None:
    """Every quantity is compared; NaN stands where it has no meaning, in the reference as in the probe."""
    given = make(torch.float32, "cpu")
    found = answers(probe, given)
    reference = REFERENCES[probe.name](*given)
    assert set(reference) == set(probe.quantities)
    for name, expected in reference.items():
        assert len(found[name]) == len(expected)
        for value, right in zip(found[name], expected, strict=True):
            assert not torch.isinf(value).any()
            np.testing.assert_allclose(value.double().numpy(), right, rtol=2e-5, atol=1e-6, err_msg=f"{probe.name}: {name}")


@pytest.mark.parametrize(("probe", "make"), CASES)
def test_the_same_in_float64(probe: Probe, make: Make) -> None:
    single, double = (answers(probe, make(dtype, "cpu")) for dtype in (torch.float32, torch.float64))
    for name in single:
        for one, two in zip(single[name], double[name], strict=True):
            assert two.dtype == torch.float32
            np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(("probe", "make"), CASES)
def test_nothing_else_is_touched(probe: Probe, make: Make) -> None:
    given = make(torch.float32, "cpu")
    before = [(t.clone(), t._version, t.requires_grad) for t in tensors_of(given)]
    random = torch.random.get_rng_state()
    answers(probe, given)
    for tensor_, (copy, version, grad) in zip(tensors_of(given), before, strict=True):
        assert torch.equal(tensor_, copy) and tensor_._version == version and tensor_.requires_grad == grad
        assert tensor_.grad is None
    assert torch.equal(random, torch.random.get_rng_state())


@pytest.mark.parametrize(("probe", "make"), CASES)
def test_the_same_twice(probe: Probe, make: Make) -> None:
    one, two = (answers(probe, make(torch.float32, "cpu")) for _ in range(2))
    for name in one:
        assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(one[name], two[name], strict=True))


@pytest.mark.filterwarnings("ignore:PyTorch was compiled without cuDNN")
@pytest.mark.parametrize(("probe", "make"), [case for case in CASES if case.values[0].event != "units"])  # those are the host's
def test_never_waits_for_the_device(probe: Probe, make: Make) -> None:
    """On fake CUDA tensors `item`, `bool`, `tolist`, `nonzero`, masks and copies to the host all raise."""
    recurrent = probe.event == "recurrent"  # cuDNN has no fake kernels; fake tensors of the CPU raise as well
    device = "cpu" if recurrent else "cuda"
    real = make(torch.float32, "cpu") if recurrent else ()
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, Indexing():
        given = make(torch.float32, device) if not recurrent else real
        if recurrent:
            layer, sequence, output = real
            layer._flat_weights = [mode.from_tensor(w.detach()) for w in layer._flat_weights]
            given = layer, mode.from_tensor(sequence), mode.from_tensor(output)
        found = sent(probe, given)
        assert found and all(isinstance(value, FakeTensor) and value.device.type == device for value in found)


@pytest.mark.parametrize(
    "waits",
    [lambda t: t.sum().item(), lambda t: bool(t.any()), lambda t: t.tolist(), lambda t: t.nonzero(), lambda t: t[t > 0],
     lambda t: torch.unique(t), lambda t: t.numpy()],
)  # fmt: skip
def test_waiting_would_be_seen(waits: Callable[[Tensor], Any]) -> None:
    with FakeTensorMode(allow_non_fake_inputs=True), Indexing(), pytest.raises(Exception, match=".+"):
        waits(torch.empty(4, 3, device="cuda"))


@pytest.mark.parametrize(("probe", "make"), CASES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(probe: Probe, make: Make, dtype: torch.dtype) -> None:
    half, single = answers(probe, make(dtype, "cpu")), answers(probe, make(torch.float32, "cpu"))
    for name in half:
        for one, two in zip(half[name], single[name], strict=True):
            assert one.dtype == torch.float32
            assert torch.equal(torch.isnan(one), torch.isnan(two)), name
            assert not torch.isinf(one).any(), name


@pytest.mark.parametrize(("probe", "make"), CASES)
def test_under_the_programs_own_defaults(probe: Probe, make: Make) -> None:
    """New tensors follow neither the program's default type nor its default device."""
    given, expected = make(torch.float32, "cpu"), answers(probe, make(torch.float32, "cpu"))
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            found = answers(probe, given)
    finally:
        torch.set_default_dtype(torch.float32)
    for name in expected:
        assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(expected[name], found[name], strict=True))


def test_large_half_precision_does_not_overflow() -> None:
    """4096 elements of 10 have a sum of squares that float16 cannot hold."""
    probes = all_probes()
    big = torch.full((64, 64), 10.0, dtype=torch.float16)
    assert answers(probes["gradients"], ([big],))["gradient_norm"][0] == 640
    found = answers(probes["weights"], ([big], [big + 1]))
    assert (found["weight_norm"][0], found["update_norm"][0]) == (640, 64)
    assert answers(probes["outputs"], ([big * big], [None], [False], [-1]))["output_std"][0] == 0


def test_sparse_gradients() -> None:
    table = nn.Embedding(9, 3, sparse=True)
    (table(torch.tensor([1, 1, 4])) * tensor(3, 3)).sum().backward()
    assert table.weight.grad is not None and table.weight.grad.is_sparse
    found = answers(all_probes()["gradients"], ([table.weight.grad],))
    assert found["gradient_norm"][0].item() == pytest.approx(table.weight.grad.to_dense().norm().item())


def empty(probe: Probe) -> list[tuple[Any, ...]]:
    """A batch without samples, a parameter without elements."""
    none = torch.empty(0, 4)
    return {
        "gradients": [([none, torch.empty(0)],)],
        "updates": [([none], [none.clone()])],
        "outputs": [([none, torch.empty(0, 3, 4, 4)], [None, "relu"], [False, True], [-1, -1])],
        "units": [([np.empty(0, np.float32)], [None])],
        "losses": [("cross_entropy", none, torch.empty(0, dtype=torch.int64)), ("mse_loss", none, none)],
        "inputs": [(none,), (torch.empty(0),)],
        "recurrent": [],
    }[probe.event]


@pytest.mark.parametrize("probe", [pytest.param(p, id=p.name) for p in all_probes().values()])
def test_empty_tensors(probe: Probe) -> None:
    for given in empty(probe):
        for values in answers(probe, given).values():
            assert all(value.dim() <= 1 for value in values)


@pytest.mark.parametrize("probe", [pytest.param(p, id=p.name) for p in all_probes().values()])
def test_documented(probe: Probe) -> None:
    doc = probe.read.__doc__ or ""
    assert "Args:" in doc and "Returns:" in doc
    assert all(quantity.unit for quantity in probe.quantities.values())
