"""Activations that no layer lies before: of parameters that the program multiplies itself, inside one module or without any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from diagnose.observe import graph
from diagnose.observe.forwards import Forward
from diagnose.observe.networks import Network

if TYPE_CHECKING:
    from diagnose.observe.snapshot import Snapshot


class PlainTensors:
    """The places of one graph that are named after a parameter: `tanh(x @ W1 + b1)` is `W1/tanh`."""

    def __init__(
        self, snapshot: Snapshot, outputs: dict[Any, str], starts: dict[str, list[Any]], owner: dict[str, Forward]
    ) -> None:
        self.places: set[str] = set()
        self._snapshot = snapshot
        self._outputs, self._starts, self._owner = outputs, starts, owner
        self._bare: dict[int, Forward] = {}  # by the index of their training

    def holder(self, node: Any, passed: Sequence[Any], met: Sequence[Tensor]) -> tuple[Forward, str] | None:
        """The call that an activation belongs to, and the parameter that it is named after.

        None where nothing is multiplied before it: a scale that is learnt as its logarithm is no activation.

        Args:
            node: the activation's.
            passed: the nodes between it and the place before it.
            met: the leaves there, nearest first.
        """
        if not any(graph.operation(other) in graph.PRODUCTS for other in passed):
            return None
        for leaf in sorted(met, key=lambda leaf: leaf.dim() < 2):  # a weight rather than its bias
            for stream in self._snapshot.session.live_streams():
                path = stream.paths.get(id(leaf))
                if path is None:
                    continue
                network = next((n for n in stream.networks if path.startswith(f"{n.name}.")), None)
                if network is not None:
                    forward = self._around(node, network, path)
                    return None if forward is None else (forward, path)
                if stream.index not in self._bare:
                    self._bare[stream.index] = Forward(stream.no_module)
                    self._snapshot.keep(self._bare[stream.index])
                return self._bare[stream.index], path
        return None

    def _around(self, node: Any, network: Network, path: str) -> Forward | None:
        """The call of a network that an activation lies in; the module that has the parameter begins at its activations."""
        later = [
            made for made, place in self._outputs.items()
            if self._owner[place].network is network and graph.order(made) > graph.order(node)
        ]  # fmt: skip
        if not later:
            return None
        made = min(later, key=graph.order)
        place = self._outputs[made]
        if path.rsplit(".", 1)[0] == place.split("#", 1)[0]:
            self._starts[place] = graph.parents(made)
        return self._owner[place]
