"""Networks of every kind are explained, none is changed, and what cannot be explained is one line."""

from __future__ import annotations

import copy
import dataclasses
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import diagnose
from diagnose.errors import DiagnoseError
from diagnose.explanation import Explanation

X = torch.randn(80, 6, generator=torch.Generator().manual_seed(0))
Y = X[:, :3].argmax(1)
torch.manual_seed(0)  # of the networks that are built when the tests are collected


def named(explanation: Explanation) -> dict[str, Any]:
    return {method.name: method for method in explanation.methods}


@dataclasses.dataclass
class Answer:
    hidden: Tensor
    logits: Tensor


class Strange(nn.Module):
    """No module for its activation, a change in place of the input, and a dataclass for an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Parameter(torch.randn(6, 16) * 0.4), nn.Parameter(torch.randn(16, 3) * 0.3)

    def forward(self, x: Tensor) -> Answer:
        x += 0.5
        hidden = (x @ self.first).relu_()
        return Answer(hidden @ self.second, hidden)


class Keyword(nn.Module):
    """Symbols and a mask by keyword, a mapping for an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols = nn.Embedding(20, 8, padding_idx=0)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, *, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        return {"logits": self.head(self.layer(self.symbols(ids), src_key_padding_mask=mask).mean(1))}


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], batch_first: bool) -> None:
        super().__init__()
        self.layer, self.first = kind(3, 8, batch_first=batch_first), batch_first
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        out = self.layer(x)[0]
        found: Tensor = self.head(out[:, -1] if self.first else out[-1])
        return found


class Two(nn.Module):
    def __init__(self, use: bool) -> None:
        super().__init__()
        self.a, self.b, self.use = nn.Linear(6, 3), nn.Linear(4, 3), use

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return (self.a(a) + self.b(b) if self.use else self.a(a)), a


def test_dataclass_answers_and_changes_in_place() -> None:
    inputs = X.clone()
    told = diagnose.explain(Strange(), inputs, Y, samples=2)
    assert torch.equal(inputs, X)
    assert told.inputs[0].kind == "tabular" and named(told)["integrated-gradients"].refused is None


def test_keywords_masks_and_mappings() -> None:
    ids = torch.randint(1, 20, (60, 7))
    ids[:20, 5:] = 0
    told = diagnose.explain(Keyword(), {"ids": ids, "mask": ids == 0}, torch.randint(0, 2, (60,)), samples=2)
    (given,) = told.inputs
    assert (given.id, given.kind, given.shape, given.padding) == ("Keyword:ids", "tokens", (7,), 0)
    assert "the mean embedded symbol" in given.baseline
    assert told.samples[0].maps["integrated-gradients"]["Keyword:ids"].shape == (7,)
    assert told.intervention("shuffled", "Keyword:ids padding") is not None


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("batch_first", [True, False])
def test_recurrent_networks_with_time_first_or_second(kind: type[nn.RNNBase], batch_first: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(40, 9, 3)
    told = diagnose.explain(Recurrent(kind, batch_first), x if batch_first else x.transpose(0, 1), torch.randint(0, 2, (40,)), samples=2)
    (given,) = told.inputs
    assert (given.kind, given.shape) == ("series", (9, 3)) and told.count == 40
    assert all(method.refused is None for method in told.methods)


def test_an_unused_input_gets_nothing_and_is_found() -> None:
    for use in (True, False):
        told = diagnose.explain(Two(use), (X, torch.randn(80, 4)), Y, samples=2)
        assert bool(told.global_importance["Two:1"].sum() > 0) is use
        ignored = [f.places for f in told.findings if f.rule == "input-ignored"]
        assert ignored == ([] if use else [("Two:1",)])


def test_symbols_are_attributed_as_captum_does_at_the_embedding() -> None:
    from captum.attr import LayerIntegratedGradients

    model = nn.Sequential(nn.Embedding(20, 5, padding_idx=0), nn.Flatten(), nn.Linear(35, 8), nn.Tanh(), nn.Linear(8, 2)).eval()
    ids = torch.randint(1, 20, (30, 7))
    told = diagnose.explain(model, ids, samples=30, target=1, method="integrated-gradients")
    by_hand = LayerIntegratedGradients(model, model[0]).attribute(ids, torch.zeros_like(ids), target=1, n_steps=200).sum(-1)
    for sample in told.samples:
        ours = sample.maps["integrated-gradients"]["Sequential:0"]
        assert np.allclose(ours, by_hand[sample.number].detach().numpy(), atol=2e-3)


def test_what_is_drawn_in_evaluation_mode_is_told() -> None:
    class Noisy(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + 0.1 * torch.randn_like(x))

    told = diagnose.explain(Noisy(6, 3), X, Y, samples=2)
    assert any("draws random numbers" in note for note in told.notes)


def test_nothing_of_the_network_or_the_random_state_changes() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(8, 3))
    model[0].weight.requires_grad_(False)
    model.train()
    before, flags = copy.deepcopy(model.state_dict()), [p.requires_grad for p in model.parameters()]
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    diagnose.explain(model, X, Y, samples=2)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training and model[2].inplace and [p.requires_grad for p in model.parameters()] == flags
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(states[0], torch.get_rng_state()) and random.getstate() == states[2]
    assert (np.random.get_state()[1] == states[1]).all()  # noqa: NPY002
    assert not any(module._forward_hooks or module._backward_hooks for module in model.modules())


# Methods and refusals


class Reused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.act = nn.Linear(6, 8), nn.Linear(8, 3), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.b(self.act(self.a(x))))


class Functional(Reused):
    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.b(F.relu(self.a(x)))
        return found


class Steps(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x > 0).float())


@pytest.mark.parametrize(
    ("model", "asked", "why", "instead"),
    [
        (Reused(), "deep-lift", "act is called 2 times", "integrated-gradients"),
        (Functional(), "deep-lift", "relu is computed outside of a module", "integrated-gradients"),
        (Steps(6, 3), "integrated-gradients", "differentiated", "feature-ablation"),
        (nn.Linear(6, 3), "grad-cam", "no convolution", "occlusion"),
    ],
)
def test_what_would_lie_is_refused_with_the_reason_and_a_substitute(model: nn.Module, asked: str, why: str, instead: str) -> None:
    told = diagnose.explain(model, X, Y, method=asked, samples=2)
    refused = named(told)[asked]
    assert refused.refused is not None and why in refused.refused and refused.instead == instead
    assert told.method == instead


def test_deep_lift_is_complete_where_it_fits() -> None:
    told = diagnose.explain(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), X, Y, method="deep-lift", samples=2)
    assert told.method == "deep-lift" and told.trust[0].name == "completeness" and told.trust[0].passed


@pytest.mark.parametrize(
    ("model", "inputs", "methods"),
    [
        (nn.Linear(6, 3), X[:40], ["integrated-gradients", "feature-ablation", "shapley-sampling"]),
        (nn.Sequential(nn.Linear(50, 3)), torch.randn(40, 50), ["integrated-gradients", "feature-ablation"]),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), torch.randn(40, 8, 8), ["integrated-gradients", "occlusion"]),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3)), torch.randn(40, 1, 8, 8),
         ["integrated-gradients", "occlusion", "grad-cam"]),
        (nn.Sequential(nn.Conv1d(2, 2, 3), nn.Flatten(), nn.Linear(36, 3)), torch.randn(40, 2, 20),
         ["integrated-gradients", "occlusion"]),
    ],
    ids=["table", "wide table", "image", "convolutions", "series"],
)  # fmt: skip
def test_methods_fit_the_inputs_and_each_has_a_reason(model: nn.Module, inputs: Tensor, methods: list[str]) -> None:
    told = diagnose.explain(model, inputs, torch.randint(0, 3, (40,)), samples=2)
    assert [method.name for method in told.methods] == methods
    assert all(method.why for method in told.methods) and all(given.baseline for given in told.inputs)


def test_layers_that_carry_the_decision_and_units_that_never_matter() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
    model[0].weight.data[5:], model[0].bias.data[5:] = 0.0, -1.0
    told = diagnose.explain(model, X, X[:, :1], samples=2)
    shares = {layer.path: layer for layer in told.layers}
    assert shares["Sequential.0"].share == pytest.approx(1.0, abs=0.05)  # everything passes through it
    assert shares["Sequential.1"].idle >= 3 and shares["Sequential.1"].units == 8


# One line each


class Uncopied(nn.Linear):
    def __deepcopy__(self, memo: object) -> nn.Module:
        raise RuntimeError("holds a lock")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: diagnose.explain(3, X, Y), "expected a Module to explain, found int"),
        (lambda: diagnose.explain(nn.Linear(4, 3), X, Y), "refuses its samples"),
        (lambda: diagnose.explain(nn.Linear(6, 3), X, Y[:7]), "expected a target for each of 80 samples"),
        (lambda: diagnose.explain(nn.Linear(6, 3), X, Y, target=3), "expected --target below 3"),
        (lambda: diagnose.explain(nn.Linear(6, 3), X, Y, method="magic"), "expected a method of"),
        (lambda: diagnose.explain(nn.Linear(6, 3), X[:1], Y[:1]), "expected at least 2 samples"),
        (lambda: diagnose.explain(nn.Linear(6, 3), X * float("nan"), Y), "holds nan or infinity"),
        (lambda: diagnose.explain(nn.Linear(6, 3), "text", Y), "expected inputs to be a tensor"),
        (lambda: diagnose.explain(Uncopied(6, 3), X, Y), "cannot be copied: holds a lock"),
    ],
)
def test_what_cannot_be_explained_is_one_line(call: Callable[[], object], said: str) -> None:
    with pytest.raises(DiagnoseError) as error:
        call()
    assert said in str(error.value) and "\n" not in str(error.value)
