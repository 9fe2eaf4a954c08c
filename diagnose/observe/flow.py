"""The flow of data through a snapshot's autograd graph, read before the backward runs: functional activations, edges, leaves."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.nn import Parameter

from diagnose.observe import graph
from diagnose.observe.forwards import Forward, Record
from diagnose.observe.hand_written import compared, custom_site
from diagnose.observe.plain_tensors import PlainTensors
from diagnose.observe.snapshot import Snapshot

if TYPE_CHECKING:
    from diagnose.observe.session import Session

SHAPES = 64  # graphs that are known again
_DROPS = frozenset(("mul", "native_dropout", "fused_dropout"))
_ALWAYS = frozenset(graph.ACTIVATIONS) - {"exp", "sin", "clamp", "clamp_min", "clamp_max"}


def read_graph(session: Session, roots: Sequence[Tensor], losses: Sequence[tuple[str, int | None, list[int]]]) -> set[str]:
    """What the autograd graph of a snapshot tells; described three times, so that late branches are seen.

    Later a graph like one that was walked already is walked again on each eighth snapshot only, where nothing in it is read
    on every one (functional activations).

    Returns:
        The loss sites in it, where an input of the network gets a gradient too.
    """
    snapshot, taken = session.snapshot, session.schedule.snapshots
    shape = _shape(snapshot, roots, losses)
    if shape in snapshot.walked and taken >= 4 and taken % 8 and all(s.described >= 3 for s in session.live_streams()):
        return set()
    custom = _custom(session, roots[0]) if roots and not losses else None
    ends = {} if custom is None else {custom[0]: [custom[1]]}
    leaves, edges, operations, plain = _follow(snapshot, [root.grad_fn for root in roots], losses, ends)
    snapshot.leaves.update({id(leaf): weakref.ref(leaf) for leaf in leaves})
    for source, target, between in edges:
        snapshot.edges.setdefault((source, target), between)
    for site, made in operations.items():
        snapshot.operations.setdefault(site, made)
    if shape is not None and plain and len(snapshot.walked) < SHAPES:
        snapshot.walked.add(shape)
    return set(operations) if _reaches_input(session, leaves) else set()


def _reaches_input(session: Session, leaves: Sequence[Tensor]) -> bool:
    """Whether one of the leaves is trained by nobody: what a network was given, and asks for a gradient."""
    streams = session.live_streams()
    if len(streams) != 1 or streams[0].optimizer is None:
        return False
    mine = [leaf for leaf in leaves if id(leaf) in streams[0].paths]
    return bool(mine) and any(id(leaf) not in streams[0].paths and not isinstance(leaf, Parameter) for leaf in leaves)


def _shape(
    snapshot: Snapshot, roots: Sequence[Tensor], losses: Sequence[tuple[str, int | None, list[int]]]
) -> tuple[Any, ...] | None:
    """How far from the root every place, loss and loss's input was made, in operations: an operation more or less between
    two of them, and it is another. None where that does not tell a graph: hand-written losses are looked at each time."""
    keys = [graph.key(root.grad_fn) for root in roots]
    last = keys[0] if keys else None
    if last is None or None in keys or not losses or snapshot.saved_hooks:
        return None
    made = [(place, last - key) for forward in snapshot.forwards for key, place in forward.outputs.items()]
    compared = [(site, None if result is None else last - result, *[last - key for key in inputs]) for site, result, inputs in losses]
    return *made, *compared, *[last - key for key in keys if key is not None]


def _custom(session: Session, root: Tensor) -> tuple[str, Any] | None:
    """A hand-written loss: its place and the node of its prediction, where it is known what it compares."""
    snapshot = session.snapshot
    snapshot.custom_shapes = graph.shapes_before(root.grad_fn)
    if session.row.line is None or snapshot.saved_hooks:
        return None
    outputs = [forward.output for forward in snapshot.forwards if forward.output is not None]
    found = compared(root.grad_fn, outputs)
    if found is None:
        return None
    snapshot.compared = found.item()
    site = custom_site(session.row.line)
    answer = session.read("losses", found.function, found.prediction, found.target, part="measure")
    if answer is not None:
        snapshot.loss_records[site] = [answer]
    return site, found.node


def _follow(
    snapshot: Snapshot,
    roots: Sequence[Any],
    losses: Sequence[tuple[str, int | None, Sequence[int]]],
    ends: Mapping[str, Sequence[Any]],
) -> tuple[list[Tensor], list[Any], dict[str, list[str]], bool]:
    """Functional activations and the flow of data, before the backward runs.

    Args:
        roots: the nodes that backward starts from.
        losses: (site, key of the node of the loss's result, keys of those of its inputs, the prediction's first) of
            the loss calls at hand.
        ends: nodes of further predictions, by the site of their loss.

    Returns:
        The leaf tensors that will get gradients, the edges, for each loss the operations that made its prediction, and
        whether all that is to be read belongs to modules.
    """
    # What belongs to the loss functions themselves is jumped over.
    nodes = graph.walk(roots, instead={result: inputs for _, result, inputs in losses if result is not None})
    taken = snapshot.session.schedule.snapshots
    if taken < 4 or taken % 8 == 0:  # a step's arithmetic changes little
        snapshot.session.row.add_flops(nodes)
    by_key = {graph.order(node): node for node in nodes}
    outputs: dict[Any, str] = {}
    starts: dict[str, list[Any]] = {}
    owner: dict[str, Forward] = {}
    for forward in snapshot.forwards:
        for key, place in forward.outputs.items():
            if key in by_key:
                outputs[by_key[key]] = place
                owner[place] = forward
                starts[place] = [by_key[start] for start in forward.starts[place] if start in by_key]
    functional = snapshot.saved_hooks or _functional(snapshot, nodes, outputs, starts, owner)
    plain = bool(outputs) and not functional
    targets = {site: [by_key[key] for key in inputs[:1] if key in by_key] for site, _, inputs in losses}
    targets = {site: made for site, made in targets.items() if made} | {site: list(made) for site, made in ends.items()}
    operations = {site: graph.operations_before(made[0]) for site, made in targets.items()}
    return graph.leaves(nodes), graph.edges(outputs, starts, targets), operations, plain


def _functional(
    snapshot: Snapshot, nodes: Sequence[Any], outputs: dict[Any, str], starts: dict[str, list[Any]], owner: dict[str, Forward]
) -> bool:
    """Makes places of functional activations and dropouts; whether there was anything that might be one."""
    last = max((graph.order(node) for node in outputs), default=-1)
    inside = _with_own_dropout(snapshot, outputs, starts)
    found: list[tuple[int, Any, str, float | None]] = []
    anything = False
    for node in nodes:
        if node in outputs or hasattr(node, "variable"):
            continue
        name, order = graph.operation(node), graph.order(node)
        if name in graph.ACTIVATIONS and (name in _ALWAYS or order < last):
            found.append((order, node, graph.ACTIVATIONS[name], None))
        elif name in _DROPS and not any(first < order < end for first, end in inside):
            anything = True  # the noise of another step may tell
            rate = graph.dropout_rate(node, name)
            if rate is not None:
                found.append((order, node, "dropout", rate))
    plain = PlainTensors(snapshot, outputs, starts, owner)
    for _, node, kind, rate in sorted(found, key=lambda entry: entry[0]):
        before, passed, met = _nearest(node, outputs)
        layer = None if before in plain.places else before
        if layer is None:
            held = plain.holder(node, passed, met)
        elif owner[layer].network.holds(met):
            held = owner[layer], layer.split("/", 1)[0].split("#", 1)[0]
        else:  # parameters of another network lie between
            held = None
        if held is None:
            continue
        anything = True
        forward, stem = held
        place = forward.place(f"{stem}/{kind}")
        if place in forward.records:
            continue
        if layer is None:
            plain.places.add(place)
        outputs[node] = place
        owner[place] = forward
        starts[place] = graph.parents(node)
        saved = graph.activation_output(node, graph.operation(node)) if rate is None else None
        shape = graph.shape_of(node)
        record = Record(None if rate is None else True)
        known = snapshot.items.get(before or "", {})
        if saved is not None:
            first = saved.dim() == 4 or (known.get("role") == "convolution" and saved.dim() > 2)
            record.reading = snapshot.session.read("outputs", saved, kind, first, _node_axis(node, saved), part="measure")
            shape = list(saved.shape)
        forward.records[place] = record
        snapshot.items.setdefault(place, {
            "path": place, "type": kind, "role": "activation" if rate is None else "dropout",
            "activation": kind if rate is None else None, "functional": True, "shape": shape, "parameters": [],
            "settings": _axis_setting(node, shape) if rate is None else {"p": rate}, "network": forward.network.name,
            "source": known.get("source"),
        })  # fmt: skip
        snapshot.handles.append(node.register_prehook(_node_gradient(snapshot, forward, record)))
    return anything


def _with_own_dropout(snapshot: Snapshot, outputs: dict[Any, str], starts: dict[str, list[Any]]) -> list[tuple[int, int]]:
    """First and last node of each recurrent or attention layer: the dropout inside is its own."""
    return [
        (max(map(graph.order, starts[place]), default=0), graph.order(node))
        for node, place in outputs.items()
        if snapshot.items.get(place, {}).get("role") in ("recurrent", "attention")
    ]


def _node_gradient(snapshot: Snapshot, forward: Forward, record: Record) -> Any:
    receive = snapshot.receive_gradient(forward, record)

    def gradient(values: Any) -> None:
        if values and values[0] is not None:
            receive(values[0])

    return gradient


def _axis_setting(node: Any, shape: Sequence[int] | None) -> dict[str, int]:
    """The axis a functional softmax runs along, counted from the front."""
    dim = getattr(node, "_saved_dim", None)
    if not isinstance(dim, int) or not shape:
        return {}
    dim = dim - 2**64 if dim >= 2**63 else dim
    return {"dim": dim % len(shape)} if -len(shape) <= dim < len(shape) else {}


def _node_axis(node: Any, saved: Tensor) -> int:
    dim = getattr(node, "_saved_dim", -1)
    if not isinstance(dim, int):
        return -1
    if dim >= 2**63:
        dim -= 2**64
    return dim if -saved.dim() <= dim < saved.dim() else -1


def _nearest(node: Any, outputs: dict[Any, str], most: int = 200) -> tuple[str | None, list[Any], list[Tensor]]:
    """The nearest place before a node; the nodes and the leaves that lie between, nearest first."""
    queue, seen = [node], set[int]()
    passed: list[Any] = []
    met: list[Tensor] = []
    while queue and len(seen) < most:
        above = queue.pop(0)
        if above in outputs:
            return outputs[above], passed, met
        if id(above) in seen:
            continue
        seen.add(id(above))
        passed.append(above)
        for parent in graph.parents(above):  # an operation's own parameters before what it was given
            if hasattr(parent, "variable"):
                met.append(parent.variable)
            else:
                queue.append(parent)
    return None, passed, met
