"""Law 1: the same training, with and without us."""

import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from .conftest import Observing
from .families import FAMILIES, identical, state


@pytest.mark.parametrize("every", [1, 3, None])
@pytest.mark.parametrize("name", FAMILIES)
def test_bit_identical(name: str, every: int | None, observing: Observing) -> None:
    torch.manual_seed(1)
    bare = FAMILIES[name]()
    torch.manual_seed(1)
    with observing(every=every) as session:
        watched = FAMILIES[name]()
    assert identical(bare, watched)
    assert session.run.trainings[0].steps > 0
    assert session.schedule.snapshots > 0


def scripts_with_settings() -> dict[str, Any]:
    """Trainings under every setting that our own arithmetic could trip over, or could alter."""

    def under(context: Any) -> Any:
        with context:
            return FAMILIES["mlp"]()

    def double() -> Any:
        torch.set_default_dtype(torch.float64)
        try:
            return FAMILIES["mlp"]()
        finally:
            torch.set_default_dtype(torch.float32)

    def deterministic() -> Any:
        torch.use_deterministic_algorithms(True)
        try:
            return FAMILIES["cnn"]()
        finally:
            torch.use_deterministic_algorithms(False)

    def elsewhere() -> Any:
        """New tensors go to the meta device, the model is on the CPU: none of ours may follow."""
        net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        x, y = torch.randn(6, 4), torch.randint(0, 2, (6,))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with torch.device("meta"):
            for _ in range(6):
                optimizer.zero_grad()
                (F.cross_entropy(net(x), y) * 1.0).backward()
                nn.utils.clip_grad_value_(net.parameters(), 1.0)
                optimizer.step()
            net.eval()
            with torch.no_grad():
                F.cross_entropy(net(x), y)
        return state(net)

    return {
        "anomaly": lambda: under(torch.autograd.detect_anomaly(check_nan=False)),
        "autocast": lambda: under(torch.autocast("cpu", dtype=torch.bfloat16)),
        "double": double,
        "deterministic": deterministic,
        "elsewhere": elsewhere,
    }


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("name", scripts_with_settings())
def test_bit_identical_under(name: str, observing: Observing) -> None:
    script = scripts_with_settings()[name]
    torch.manual_seed(1)
    bare = script()
    torch.manual_seed(1)
    with observing() as session:
        watched = script()
    assert identical(bare, watched)
    training = session.run.trainings[0]
    assert training.has("gradient_norm") and training.has("output_std") and training.has("loss")


def test_inference_mode_between_steps(observing: Observing) -> None:
    def script() -> Any:
        net = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        x, y = torch.randn(6, 4), torch.randn(6, 2)
        outputs = []
        for _ in range(4):
            optimizer.zero_grad()
            F.mse_loss(net(x), y).backward()
            optimizer.step()
            with torch.inference_mode():
                outputs.append(F.mse_loss(net(x), y).item())
        return state(net, outputs=outputs)

    torch.manual_seed(1)
    bare = script()
    torch.manual_seed(1)
    with observing() as session:
        watched = script()
    assert identical(bare, watched)
    (found,) = session.run.trainings[0].evaluations
    assert found.loss.tolist() == pytest.approx(bare["outputs"])


def warned(script: Any) -> list[tuple[str, str, int]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        script()
    return [(str(w.message), w.filename, w.lineno) for w in caught]


def test_warnings_as_often_and_at_the_same_lines(observing: Observing) -> None:
    def script() -> None:
        net = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        scheduler.step()  # before optimizer.step(): warns
        for _ in range(2):
            loss = F.mse_loss(net(torch.ones(3, 4)), torch.ones(3))  # sizes differ: warns
            loss = loss + nn.MSELoss()(net(torch.ones(3, 4)), torch.ones(3))
            loss = loss + F.l1_loss(net(torch.ones(3, 4)), torch.ones(3))
            loss.backward()
            optimizer.step()
        F.kl_div(torch.zeros(2, 2), torch.ones(2, 2), reduction="mean")  # warns
        nn.Softmax()(torch.ones(2, 2))  # implicit dim: warns

    bare = warned(script)
    with observing():
        watched = warned(script)
    assert len(bare) >= 9
    assert watched == bare


def test_warnings_once_a_line_as_by_default(observing: Observing) -> None:
    """The registry that shows a warning once a line is that of the user's module: a hidden frame must not swallow any."""

    def script() -> list[int]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.resetwarnings()
            warnings.simplefilter("default")
            globals().pop("__warningregistry__", None)
            for _ in range(3):
                F.mse_loss(torch.ones(3, 1), torch.ones(3))
            F.mse_loss(torch.ones(3, 1), torch.ones(3))
            F.l1_loss(torch.ones(3, 1), torch.ones(3))
        return [w.lineno for w in caught]

    bare = script()
    with observing():
        watched = script()
    assert len(bare) == 3
    assert watched == bare


def test_saving_a_loss_does_not_warn(observing: Observing, tmp_path: Any) -> None:
    """Checkpoints of the official tutorials hold the loss tensor itself."""

    def script() -> None:
        net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        output = net(torch.ones(3, 4))
        loss = F.mse_loss(output, torch.ones(3, 1))
        loss.backward()
        optimizer.step()
        torch.save({"loss": loss, "output": output, "model": net.state_dict()}, tmp_path / "checkpoint.pt")

    bare = warned(script)
    with observing():
        watched = warned(script)
    assert watched == bare
