"""A mark whose place moves from sample to sample: the window with the most attribution of each is put into another sample.

What is exchanged is cut out where each sample's own map is strongest, and put where the other's is. The picture that comes
of it has the object of one and the mark of the other: whose label the network then gives tells what it goes by.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from diagnose.explanation import Intervention
from diagnose.observe.explain.dependence import LEAST, Level, level, spread_of
from diagnose.observe.explain.kinds import channel_axis
from diagnose.observe.explain.places import Plane, side_of_window, window
from diagnose.observe.explain.subject import Input, Subject


def moved_marks(
    subject: Subject, rows: Tensor, given: Input, maps: Tensor, rounds: int, batch: int
) -> list[Intervention]:
    """Both exchanges of every sample's own window of an image; none where there are too few samples.

    Args:
        rows: samples, (rows,).
        maps: the magnitudes of their maps, (rows, …).
    """
    before = level(subject, rows, batch=batch) if len(rows) >= LEAST else None
    if before is None:
        return []
    axis = channel_axis(given)
    planes: Plane = (maps if axis is None else maps.sum(1 + axis)).double().cpu().numpy()
    tall, wide = side_of_window(*planes.shape[1:])
    corners = [window(plane)[:2] for plane in planes]
    images = given.raw[rows] if axis is None else given.raw[rows].movedim(1 + axis, 1)  # (rows, channels, height, width)
    generator = torch.Generator().manual_seed(0)
    told: dict[str, list[Level]] = {"shuffled": [], "alone": []}
    changes = []
    for _ in range(rounds):
        order = torch.randperm(len(rows), generator=generator)
        mixed = images[order].clone()
        for place, source in enumerate(order.tolist()):  # the object of `source`, the mark of `place`
            (top, left), (own_top, own_left) = corners[source], corners[place]
            mark = images[place][..., own_top : own_top + tall, own_left : own_left + wide]
            mixed[place][..., top : top + tall, left : left + wide] = mark
        swapped = [slot[rows][order] for slot in subject.slots]
        swapped[given.slot] = mixed if axis is None else mixed.movedim(1, 1 + axis)
        for what, whose in (("shuffled", rows[order]), ("alone", rows)):
            found = level(subject, whose, swapped, batch)
            assert found is not None
            told[what].append(found)
        changes.append(float((told["shuffled"][-1].prediction - before.prediction[order]).std(0).norm() / spread_of(before)))
    share = float(np.mean([plane[t : t + tall, w : w + wide].sum() / max(plane.sum(), 1e-30)
                           for plane, (t, w) in zip(planes, corners, strict=True)]))  # fmt: skip
    apart = float(np.ptp(np.array(corners), axis=0).max())
    details: Mapping[str, object] = {"moving": True, "apart": apart, "height": tall, "width": wide}
    size = tall * wide / planes[0].size
    return [
        Intervention(
            what, f"{given.id} moving", float(torch.stack([one.losses for one in levels]).mean()),
            float(np.mean([one.accuracy for one in levels])), float(np.mean(changes)),
            float((levels[0].losses - before.losses).std() / len(rows) ** 0.5), size, share, details,
        )
        for what, levels in told.items()
    ]  # fmt: skip
