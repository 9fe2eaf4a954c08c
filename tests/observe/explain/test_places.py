"""Marks that move, borders and padding: networks that go by them are found, and those that do not are left alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import diagnose
from diagnose.explanation import Explanation
from diagnose.observe.explain.padding import filled, relaid
from diagnose.observe.explain.places import sides, window, windows
from diagnose.rules.attribution.skill import left_by


def fitted(model: nn.Module, x: Tensor, y: Tensor, steps: int, rate: float) -> nn.Module:
    """After some steps of Adam on samples from the 300th on."""
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(steps):
        some = torch.randint(300, len(x), (64,))
        optimizer.zero_grad()
        F.cross_entropy(model(x[some]), y[some]).backward()
        optimizer.step()
    return model


def shortcuts(told: Explanation) -> list[tuple[str, str]]:
    return [(finding.places[0], finding.severity) for finding in told.findings if finding.rule == "shortcut-feature"]


def lost_and_kept(told: Explanation, place: str) -> tuple[float, float]:
    shuffled, alone = told.intervention("shuffled", place), told.intervention("alone", place)
    assert shuffled is not None and alone is not None
    return 1 - left_by(told, shuffled), left_by(told, alone)


# Images: seven by seven objects of one of four kinds in the middle of 16 x 16 pixels of noise


def pictures(mark: Callable[[Tensor, int, torch.Generator], None] | None, objects: bool = True) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    kinds = (torch.rand(4, 7, 7, generator=generator) > 0.5).float()
    y = torch.randint(0, 4, (900,), generator=generator)
    x = 0.2 * torch.randn(900, 1, 16, 16, generator=generator)
    for place, kind in enumerate(y.tolist()):
        shown = kind if objects else int(torch.randint(0, 4, (1,), generator=generator))
        x[place, 0, 4:11, 4:11] += kinds[shown]
        if mark is not None:
            mark(x[place, 0], kind, generator)
    return x, y


def moving(image: Tensor, kind: int, generator: torch.Generator) -> None:
    top, left = torch.randint(0, 14, (2,), generator=generator).tolist()
    image[top : top + 3, left : left + 3] = 0
    image[top + kind // 2, left : left + 3] = 3.0
    image[top : top + 3, left + kind % 2] = -3.0


def strip(image: Tensor, kind: int, generator: torch.Generator) -> None:
    image[-1] = kind - 1.5


def frame(image: Tensor, kind: int, generator: torch.Generator) -> None:
    for side in (image[0], image[-1], image[:, 0], image[:, -1]):
        side[:] = kind - 1.5


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 4),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mark", "place", "severity"), [(moving, "moving", "warning"), (strip, "[15:16,0:16]", "error"), (frame, "frame", "error")]
)
def test_marks_are_found_wherever_they_are(mark: Callable[..., None], place: str, severity: str) -> None:
    torch.manual_seed(0)
    x, y = pictures(mark, objects=False)
    told = diagnose.explain(fitted(network(), x, y, 250, 1e-2), x[:300], y[:300], samples=1, method="integrated-gradients")
    assert told.accuracy > 0.9
    ((found, level),) = shortcuts(told)
    assert (found.removeprefix("Sequential:0").strip(), level) == (place, severity)


def test_digits_are_no_marks() -> None:
    from sklearn.datasets import load_digits

    torch.manual_seed(0)
    digits = load_digits()
    x, y = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16, torch.tensor(digits.target)
    model = fitted(nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), x, y, 300, 1e-2)
    told = diagnose.explain(model, x[:300], y[:300], samples=1, method="integrated-gradients")
    assert told.accuracy > 0.85 and shortcuts(told) == []
    assert lost_and_kept(told, "Sequential:0 moving")[1] < 0.15


def test_windows_cover_the_plane_and_sides_its_borders() -> None:
    plane = np.zeros((16, 16))
    plane[12:16, 0:4] = 1.0
    assert window(plane) == (12, 0, 4, 4)
    covered, border = np.zeros((16, 16), bool), np.zeros((16, 16), bool)
    for into, places in ((covered, windows(plane)), (border, sides(16, 16))):
        for top, left, height, width in places:
            into[top : top + height, left : left + width] = True
    assert covered.all() and border[0].all() and border[-1].all() and border[:, 0].all() and not border[1:-1, 1:-1].any()


# Texts: symbols 1 to 29, padded with 0 at the end


class Texts(nn.Module):
    """A mean over embedded symbols, of the text alone or of its padding too."""

    def __init__(self, masked: bool, named: bool) -> None:
        super().__init__()
        self.symbols = nn.Embedding(30, 16, padding_idx=0 if named else None)
        self.masked = masked
        self.head = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, symbols: Tensor) -> Tensor:
        there = (symbols != 0).float()[..., None] if self.masked else torch.ones(*symbols.shape, 1)
        found: Tensor = self.head((self.symbols(symbols) * there).sum(1) / there.sum(1))
        return found


def texts(by_length: bool) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(1, 30, (1300, 16), generator=generator)
    lengths = torch.randint(4, 17, (1300,), generator=generator)
    x[torch.arange(16)[None] >= lengths[:, None]] = 0
    return x, (lengths > 9).long() if by_length else ((x > 15).sum(1) > 0.5 * (x > 0).sum(1)).long()


@pytest.mark.parametrize("named", [True, False])
def test_a_label_that_the_length_gives_away(named: bool) -> None:
    torch.manual_seed(0)
    x, y = texts(by_length=True)
    told = diagnose.explain(fitted(Texts(False, named), x, y, 400, 1e-2), x[:300], y[:300], samples=1, method="integrated-gradients")
    assert told.accuracy > 0.9 and shortcuts(told) == [("Texts:0 padding", "warning")]
    assert told.inputs[0].padding == 0
    padding = told.intervention("shuffled", "Texts:0 padding")
    assert padding is not None and padding.mass > 0.5 > padding.size  # the map shows it: the baseline is not the padding


@pytest.mark.parametrize("masked", [True, False])
def test_padding_that_gives_nothing_away(masked: bool) -> None:
    torch.manual_seed(0)
    x, y = texts(by_length=False)
    told = diagnose.explain(fitted(Texts(masked, True), x, y, 400, 1e-2), x[:300], y[:300], samples=1, method="integrated-gradients")
    assert told.accuracy > 0.9 and shortcuts(told) == []
    padding = told.intervention("shuffled", "Texts:0 padding")
    assert padding is not None and padding.mass < 0.2
    assert lost_and_kept(told, "Texts:0 padding")[1] < 0.2


def test_padding_is_filled_with_the_text_and_keeps_its_place_under_another() -> None:
    tokens = torch.tensor([[5, 6, 0, 0, 0], [1, 2, 3, 4, 0], [7, 8, 9, 9, 9]])
    empty = tokens == 0
    assert filled(tokens, empty).tolist() == [[5, 6, 5, 6, 5], [1, 2, 3, 4, 1], [7, 8, 9, 9, 9]]
    assert relaid(tokens, empty, torch.tensor([2, 0, 1])).tolist() == [[7, 8, 0, 0, 0], [5, 6, 5, 6, 0], [1, 2, 3, 4, 1]]
