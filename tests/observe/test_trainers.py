"""Unmodified programs of the trainers that people use: what is recorded equals what a plain loop does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from diagnose.run import Training

from .conftest import Observing

X = torch.linspace(-1, 1, 96).reshape(24, 4).sin()
Y = X.sum(1, keepdim=True).tanh() * 2 + 1
BATCH, EPOCHS, RATE = 8, 3, 0.1


def network() -> nn.Module:
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def expected() -> tuple[list[float], list[float], nn.Module]:
    """Loss and norm of the first layer's gradient at each step of a plain loop, and the network it leaves."""
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    losses, norms = [], []
    for _ in range(EPOCHS):
        for at in range(0, len(X), BATCH):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(X[at : at + BATCH]), Y[at : at + BATCH])
            loss.backward()
            losses.append(loss.item())
            norms.append(float(net[0].weight.grad.norm()))  # type: ignore[index,union-attr,operator]
            optimizer.step()
    return losses, norms, net


def agrees(training: Training, net: nn.Module, *, evaluations: int = 0) -> None:
    """The recorded run is that of the plain loop, and so is the network."""
    losses, norms, plain = expected()
    for name, parameter in net.state_dict().items():
        assert torch.allclose(parameter, plain.state_dict()[name], rtol=1e-6, atol=1e-7), name
    assert training.steps == len(losses)
    np.testing.assert_allclose(training.series("loss").values, losses, rtol=1e-5)
    first = next(p.path for p in training.parameters if p.shape == (8, 4))
    np.testing.assert_allclose(training.series("gradient_norm", first).values, norms, rtol=1e-4)
    assert training.series("learning_rate").values.tolist() == pytest.approx([RATE] * len(losses))
    assert training.places("output_mean")
    assert sum(len(one.loss) for one in training.evaluations) == evaluations


def only(run: Any) -> Training:
    (training,) = run.trainings
    assert not [e for e in (*run.events, *training.events) if e.kind == "probe-failed"]
    return training


def test_ignite(observing: Observing) -> None:
    engine = pytest.importorskip("ignite.engine", exc_type=ImportError)
    with observing() as session:
        net = network()
        optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
        trainer = engine.create_supervised_trainer(net, optimizer, nn.functional.mse_loss)
        trainer.run(DataLoader(TensorDataset(X, Y), batch_size=BATCH), max_epochs=EPOCHS)
    agrees(only(session.run), net)


def test_skorch(observing: Observing) -> None:
    skorch = pytest.importorskip("skorch")
    with observing() as session:
        model = skorch.NeuralNetRegressor(
            network(), max_epochs=EPOCHS, lr=RATE, batch_size=BATCH, train_split=None, verbose=0, iterator_train__shuffle=False
        )
        model.fit(X.numpy(), Y.numpy())
    agrees(only(session.run), model.module_)


@pytest.mark.filterwarnings("ignore")
def test_accelerate(observing: Observing) -> None:
    accelerate = pytest.importorskip("accelerate")
    with observing() as session:
        runner = accelerate.Accelerator(cpu=True)
        net = network()
        optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
        net, optimizer, loader = runner.prepare(net, optimizer, DataLoader(TensorDataset(X, Y), batch_size=BATCH))
        for _ in range(EPOCHS):
            for x, y in loader:
                optimizer.zero_grad()
                runner.backward(nn.functional.mse_loss(net(x), y))
                optimizer.step()
    agrees(only(session.run), runner.unwrap_model(net))


@pytest.mark.filterwarnings("ignore")
def test_lightning(observing: Observing, tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning")

    class Module(lightning.LightningModule):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def training_step(self, batch: Any, at: int) -> Tensor:
            x, y = batch
            loss = nn.functional.mse_loss(self.net(x), y)
            self.log("loss", loss)
            return loss

        def validation_step(self, batch: Any, at: int) -> None:
            x, y = batch
            self.log("val", nn.functional.mse_loss(self.net(x), y))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=RATE)

    with observing() as session:
        module = Module()
        trainer = lightning.Trainer(
            max_epochs=EPOCHS, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, num_sanity_val_steps=0, default_root_dir=tmp_path,
        )  # fmt: skip
        loaders = [DataLoader(TensorDataset(X, Y), batch_size=BATCH) for _ in range(2)]
        trainer.fit(module, *loaders)
    agrees(only(session.run), module.net, evaluations=EPOCHS)


@pytest.mark.filterwarnings("ignore")
def test_transformers(observing: Observing, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")

    class Rows(Dataset[dict[str, Tensor]]):
        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, at: int) -> dict[str, Tensor]:
            return {"x": X[at], "labels": Y[at]}

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
            output = self.net(x)
            return {"loss": nn.functional.mse_loss(output, labels), "output": output}

    with observing() as session:
        model = Model()
        arguments = transformers.TrainingArguments(
            output_dir=str(tmp_path), num_train_epochs=EPOCHS, per_device_train_batch_size=BATCH, report_to=[], use_cpu=True,
            save_strategy="no", logging_strategy="no", max_grad_norm=0, disable_tqdm=True, lr_scheduler_type="constant",
            train_sampling_strategy="sequential",
        )  # fmt: skip
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
        transformers.Trainer(model=model, args=arguments, train_dataset=Rows(), optimizers=(optimizer, None)).train()
    agrees(only(session.run), model.net)
