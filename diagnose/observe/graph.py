"""What the autograd graph tells: functional activations, the flow of data between layers, the leaves that are trained."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import methodcaller
from typing import Any

from torch import Tensor

Node = Any  # torch.autograd.graph.Node
MOST_NODES = 20_000  # a graph larger than this is not walked: about 30 ms
ACTIVATIONS = {
    "relu": "relu", "leaky_relu": "leaky_relu", "sigmoid": "sigmoid", "tanh": "tanh", "gelu": "gelu", "elu": "elu",
    "silu": "silu", "softplus": "softplus", "softmax": "softmax", "log_softmax": "log_softmax", "hardtanh": "hardtanh",
    "hardswish": "hardswish", "hardsigmoid": "hardsigmoid", "mish": "mish", "log_sigmoid": "log_sigmoid", "prelu": "prelu",
    "prelu_kernel": "prelu", "softmax_data": "softmax", "safe_softmax": "softmax", "threshold": "relu", "exp": "exp",
    "sin": "sin", "clamp": "clamp", "clamp_min": "clamp", "clamp_max": "clamp",
}  # fmt: skip
PRODUCTS = frozenset(("mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot", "convolution", "linear"))
# Operations whose output has the same numbers in another shape.
SHAPE_ONLY = frozenset((
    "view", "unsafe_view", "reshape", "squeeze", "unsqueeze", "transpose", "t", "permute", "expand", "clone", "alias",
    "select", "slice", "index", "to_copy", "contiguous", "split", "unbind", "unbind_copy", "cat", "stack", "as_strided",
    "narrow", "movedim", "copy_slices", "copy", "split_with_sizes", "gather", "reshape_alias", "chunk", "flatten",
    "native_dropout", "identity",
))  # fmt: skip
# Those whose output has the same numbers in the same order.
SAME_ORDER = frozenset(("view", "unsafe_view", "reshape", "squeeze", "unsqueeze", "alias", "clone", "contiguous", "reshape_alias"))
NOISE = 8, 65536  # elements of a product that may be a dropout: fewer tell nothing, more are not needed
# A number that grows in forward order (autograd's own sequence). Asked for several times at each layer: no function of Python's.
order: Callable[[Node], int] = methodcaller("_sequence_nr")
_SAVED_RESULT = frozenset(("relu", "sigmoid", "tanh", "softmax", "log_softmax", "elu", "safe_softmax", "softmax_data", "exp"))


def operation(node: Node) -> str:
    """`ReluBackward0` → `relu`, `LogSoftmaxBackward0` → `log_softmax`."""
    return _operation(node.name())


@cache
def _operation(name: str) -> str:
    name = name.rsplit("::", 1)[-1]
    name = re.sub(r"Backward\d*$", "", name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def parents(node: Node) -> list[Node]:
    """The nodes whose outputs this one took."""
    return [parent for parent, _ in node.next_functions if parent is not None]


def key(node: Node | None) -> int | None:
    """A number by which a node is known again without being kept alive; None for leaves.

    A reference to a node would keep the whole graph before it, and the program's memory with it.
    """
    return None if node is None or hasattr(node, "variable") else order(node)


def walk(
    roots: Iterable[Node | None], instead: Mapping[int, Sequence[int]] | None = None, most: int = MOST_NODES
) -> list[Node]:
    """All nodes reachable from the roots, each once, nearest first; empty when there are more than `most`.

    `instead` names nodes to jump over: where one is met, the walk goes on at the nodes of the given keys.
    """
    instead = instead or {}
    queue = deque(root for root in roots if root is not None)
    seen = {id(node) for node in queue}
    found: list[Node] = []
    jumped: list[Node] = []  # kept until the end, so that no other node gets the number one of these had
    while queue:
        node = queue.popleft()
        inputs = instead.get(order(node)) if instead else None
        if inputs is None:
            found.append(node)
            above = parents(node)
        else:
            jumped.append(node)
            above = _inputs(node, inputs)
        if len(seen) > most:
            return []
        for parent in above:
            if id(parent) not in seen:
                seen.add(id(parent))
                queue.append(parent)
    return found


def _inputs(node: Node, keys: Sequence[int], most: int = 64) -> list[Node]:
    """The nodes of these keys, and leaves, behind the few nodes of one function."""
    queue, seen, found = deque([node]), [node], []
    while queue and len(seen) < most:
        for parent in parents(queue.popleft()):
            if hasattr(parent, "variable") or order(parent) in keys:
                found.append(parent)
            elif not any(parent is other for other in seen):
                seen.append(parent)
                queue.append(parent)
    return found


def leaves(nodes: Iterable[Node]) -> list[Tensor]:
    """The leaf tensors that a backward through these nodes gives gradients to, in the order in which they were used."""
    nodes = list(nodes)
    found: dict[int, Tensor] = {}
    for node in sorted((node for node in nodes if not hasattr(node, "variable")), key=order):
        for parent in parents(node):
            if hasattr(parent, "variable"):
                found.setdefault(id(parent), parent.variable)
    for node in nodes:  # a root that is a leaf itself
        if hasattr(node, "variable"):
            found.setdefault(id(node), node.variable)
    return list(found.values())


def activation_output(node: Node, name: str) -> Tensor | None:
    """The output of an activation as autograd saved it; None where it is not the output that was saved."""
    if name in _SAVED_RESULT:
        saved = getattr(node, "_saved_result", None)
        return saved if type(saved) is Tensor else None
    return None


def dropout_rate(node: Node, name: str) -> float | None:
    """p of a dropout that this node is; None for any other operation.

    On the CPU a dropout is a product with noise of 0 and 1/(1 - p), and is known by it: as many zeros as that p makes.
    """
    if name in ("native_dropout", "fused_dropout"):
        p = getattr(node, "_saved_p", None)
        return float(p) if isinstance(p, float) else None
    if name != "mul" or len(node.next_functions) != 2 or node.next_functions[1][0] is not None:
        return None
    noise = getattr(node, "_saved_other", None)
    if type(noise) is not Tensor or noise.device.type != "cpu" or not noise.is_floating_point() or noise.numel() < NOISE[0]:
        return None
    values = noise.detach().reshape(-1)[: NOISE[1]].float().numpy()
    scale, kept = float(values.max()), int((values != 0).sum())
    if not scale > 1 or int((values == values.max()).sum()) != kept:
        return None
    p, count = 1 - 1 / scale, len(values)
    return p if abs(1 - kept / count - p) <= 5 * math.sqrt(p * (1 - p) / count) else None


def operations_before(node: Node | None, most: int = 6) -> list[str]:
    """The last operations that made a tensor, nearest first, following the first input, shape changes left out."""
    found: list[str] = []
    steps = 0
    while node is not None and len(found) < most and steps < 40:
        steps += 1
        if hasattr(node, "variable"):
            break
        name = operation(node)
        if name not in SHAPE_ONLY:
            found.append(name)
        node = main_input(node)
    return found


def main_input(node: Node) -> Node | None:
    """The input that carries the data: for a linear map not the bias, for anything the first that is no leaf."""
    candidates = parents(node)
    return next((p for p in candidates if not _parameter_only(p)), next(iter(candidates), None))


def _parameter_only(node: Node, depth: int = 3) -> bool:
    """Whether a node only reshapes a leaf (a transposed weight)."""
    while depth:
        if hasattr(node, "variable"):
            return True
        above = parents(node)
        if len(above) != 1 or operation(node) not in ("t", "transpose", "view", "expand", "permute", "unsqueeze", "to_copy"):
            return False
        node = above[0]
        depth -= 1
    return False


def shapes_before(node: Node | None, most: int = 8) -> list[tuple[str, list[int]]]:
    """(operation, output shape) from a root backwards, following the largest input: shows where shapes broadcast."""
    found: list[tuple[str, list[int]]] = []
    while node is not None and len(found) < most and not hasattr(node, "variable"):
        shape = shape_of(node)
        found.append((operation(node), shape if shape is not None else []))
        node = main_input(node)
    return found


def shape_of(node: Node) -> list[int] | None:
    """Shape of a node's first output, from autograd's metadata."""
    metadata = getattr(node, "_input_metadata", None)
    if not metadata or metadata[0] is None:
        return None
    try:
        return [int(n) for n in metadata[0].shape]
    except (TypeError, RuntimeError):  # symbolic or nested shapes
        return None


def edges(
    outputs: Mapping[Node, str], starts: Mapping[str, list[Node]], targets: Mapping[str, list[Node]]
) -> list[tuple[str, str, list[str]]]:
    """Data flow between places: (from, to, operations between, in forward order).

    Args:
        outputs: the node that made each place's output.
        starts: for each place the nodes that made its inputs.
        targets: the same for losses.

    Returns:
        An edge for every pair such that data flow from one to the other with no third place between; "input" is the
        source where a path ends without meeting a place.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for target, nodes in [*starts.items(), *targets.items()]:
        queue: deque[tuple[Node, tuple[str, ...]]] = deque((node, ()) for node in nodes)
        seen = {id(node) for node in nodes}
        reached = False
        steps = 0
        while queue and steps < 400:
            steps += 1
            node, path = queue.popleft()
            place = outputs.get(node)
            if place is not None:
                reached = True
                if place != target:
                    found.setdefault((place, target), list(reversed(path)))
                continue
            if hasattr(node, "variable"):
                continue
            name = operation(node)
            longer = path if name in SHAPE_ONLY else (*path, name)
            for parent in parents(node):
                if id(parent) not in seen:
                    seen.add(id(parent))
                    queue.append((parent, longer))
        if not reached and target not in targets:
            found.setdefault(("input", target), [])
    return [(source, target, operations) for (source, target), operations in found.items()]
