"""Which of two networks that train against each other makes the samples, and where the other takes them."""

from __future__ import annotations

from math import prod

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
