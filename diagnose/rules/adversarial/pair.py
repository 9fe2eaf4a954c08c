"""Which of two networks that train against each other makes the samples, and where the other takes them."""

from __future__ import annotations

from math import prod

import numpy as np

from diagnose.finding import Evidence
from diagnose.rules import signs
from diagnose.run import InputSite, Layer, Training


def generated(training: Training) -> tuple[Layer, InputSite] | None:
    """The last layer of one network and the input of another that takes its output; None without such a pair."""
    last: dict[str, Layer] = {}
    for layer in training.layers:
        if layer.role != "container" and layer.shape:
            last[layer.network] = layer
    for network, layer in last.items():
        size = prod((layer.shape or ())[1:])
        same = {site.network: site for site in training.inputs if size > 1 and prod(site.shape[1:]) == size}
        if same and network not in same:
            return layer, next(iter(same.values()))
    return None


def uniform(training: Training, spread: float, *, min_snapshots: int = 6) -> Evidence | None:
    """Evidence that in the last quarter the samples within a batch differed by less than `spread` of what real ones do."""
    pair = generated(training)
    if pair is None:
        return None
    layer, judged = pair
    fake = training.series("batch_std", layer.path).finite()
    if len(fake) < min_snapshots or fake.steps[-1] < 0.5 * (training.steps - 1):
        return None
    limit, made = spread * _widest(training, judged), signs.middle(signs.late(fake, 0.25))
    if limit <= 0 or made >= limit:
        return None
    start = int(fake.steps[-max(3, len(fake) // 4)])
    span = (start, int(fake.steps[-1]))
    return Evidence("batch_std", layer.path, span, made, "below", limit, None, "median of the last quarter")


def _widest(training: Training, judged: InputSite) -> float:
    """Spread of the real samples: of all that the discriminator is fed, real and generated, the widest but one."""
    places = [site.id for site in training.inputs if site.network == judged.network and site.shape == judged.shape]
    values = np.concatenate([training.series("input_batch_std", place).finite().values for place in places])
    return float(np.sort(values)[-2]) if len(values) > 1 else 0.0
