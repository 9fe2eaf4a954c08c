"""Trainings without an optimizer: a step is a backward after whose gradients the parameters have changed."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from diagnose.observe import graph
from diagnose.observe.readings import read_gradients
from diagnose.observe.sources import as_source, where
from diagnose.observe.streams import Stream

if TYPE_CHECKING:
    from diagnose.observe.session import Session

FOLLOWS = 0.5  # cosine between a move and a gradient: 1 for gradient descent, about n^-0.5 for n unrelated numbers
SMALL = 1_000_000  # elements of a parameter on the CPU that is compared by value


class ByHand:
    """Updates written by hand: one stream, whose steps end as soon as something shows that its parameters have changed."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.stream: Stream | None = None
        self.gradients: dict[int, Tensor] = {}  # that `torch.autograd.grad` gave, by the id of their parameter
        self._moves = _Moves()

    def before_backward(self, roots: Sequence[Tensor], given: Sequence[Tensor] = ()) -> None:
        """Ends the step before, if the parameters have changed."""
        session, stream = self.session, self.stream
        if stream is None and session.streams:
            return
        leaves = list(given) or (stream.parameters() if stream is not None and stream.bare_alive() else [])
        if not leaves:
            leaves = [t for t in graph.leaves(graph.walk([r.grad_fn for r in roots])) if t.requires_grad]
        if not leaves:
            return
        if stream is None:
            stream = self._begin(leaves)
        elif self._moves.changed() or self._moves.replaced(leaves):
            self._close(stream)
            stream.take_bare(leaves)
        self._moves = _Moves(stream.parameters())

    def _begin(self, leaves: Sequence[Tensor]) -> Stream:
        session = self.session
        stream = Stream(session.next_index(), None, session.modules, session.networks)
        stream.source = as_source(where())
        stream.take_modules(leaves, session.modules, session.networks)
        stream.take_bare(leaves)
        session.streams[id(stream)] = stream
        self.stream = stream
        session.steps.takes(stream)
        session.hook_again()
        return stream

    def after_backward(self) -> None:
        """The gradients are there."""
        if self.stream is not None:
            self._moves.remember_slopes(self.stream.parameters(), {})
            if self.stream.due:
                read_gradients(self.session, self.stream)

    def called(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        """A network of the stream is called."""
        self.moved()

    def moved(self) -> None:
        """Ends the step if the parameters have changed since the backward."""
        session = self.session
        if self.stream is not None and session.row.backwards and not session.in_backward and not session.asleep():
            with session.guard("bare"):
                self.close()

    def close(self, *, last: bool = False) -> None:
        """Ends the step that is open, if the parameters have changed; the `last` one also if the program has dropped its network
        since: after every backward before, they had changed."""
        if self.stream is None:
            return
        if self._moves.changed() or (last and self.stream.networks and self.stream.steps and self._moves.gone()):
            self._close(self.stream)

    def give_way(self) -> None:
        """An optimizer was built: it trains from here on."""
        if self.stream is not None:
            self.close()
            self.stream = None

    def _close(self, stream: Stream) -> None:
        if self.session.row.backwards:
            self.session.steps.end(stream)
            self.session.row.restart()

    # -- torch.autograd.grad -------------------------------------------------------------------------------------

    def grad_begins(self, args: Any, kwargs: Any) -> None:
        """`torch.autograd.grad` is about to run: in a program without an optimizer it is the backward."""
        session = self.session
        if session.asleep():
            return
        with session.guard("grad"):
            outputs = args[0] if args else kwargs.get("outputs")
            roots = [t for t in (outputs if isinstance(outputs, (list, tuple)) else [outputs]) if isinstance(t, Tensor)]
            trained = [t for t in _inputs(args, kwargs) if isinstance(t, Tensor) and t.is_leaf and t.requires_grad]
            if not trained or (session.streams and self.stream is None):
                return
            if self.stream is not None:
                self.before_backward(roots, trained)
            session.backward.look(roots)
            session.in_backward = True
            now = time.perf_counter()
            session.row.backward_begins(now, now)

    def grad_ends(self, args: Any, kwargs: Any, result: Any) -> None:
        """`torch.autograd.grad` has run."""
        session = self.session
        if session.threads.elsewhere():
            return
        session.in_backward = False
        if session.off():
            return
        with session.guard("grad"):
            stream = self.stream
            if stream is None:
                return
            session.row.backward_ends(time.perf_counter())
            pairs = zip(_inputs(args, kwargs), result, strict=False)
            self.gradients = {id(t): g for t, g in pairs if isinstance(g, Tensor)}
            self._moves.remember_slopes(stream.parameters(), self.gradients)
            if stream.due:
                read_gradients(session, stream)
            self.gradients = {}


def _inputs(args: Any, kwargs: Any) -> Sequence[Any]:
    inputs = args[1] if len(args) > 1 else kwargs.get("inputs")
    return inputs if isinstance(inputs, (list, tuple)) else [inputs]


class _Moves:
    """The parameters as they were before a backward, to see whether the program changes them after."""

    def __init__(self, tensors: Sequence[Tensor] = ()) -> None:
        self._versions: list[tuple[weakref.ref[Tensor], int, Tensor | None]] = []
        self._slopes: list[Tensor | None] = []
        for tensor in tensors:
            small = tensor.device.type == "cpu" and tensor.numel() <= SMALL
            self._versions.append((weakref.ref(tensor), tensor._version, tensor.detach().clone() if small else None))

    def remember_slopes(self, tensors: Sequence[Tensor], given: Mapping[int, Tensor]) -> None:
        """The gradients of small parameters: where new tensors take their place, the way they went tells."""
        self._slopes = []
        for tensor, (_, _, then) in zip(tensors, self._versions, strict=False):
            gradient = given.get(id(tensor), tensor.grad)
            usable = then is not None and gradient is not None and type(gradient) is Tensor
            self._slopes.append(gradient.detach().clone() if usable and gradient is not None else None)

    def gone(self) -> bool:
        """Whether the parameters are no more."""
        return bool(self._versions) and all(ref() is None for ref, _, _ in self._versions)

    def changed(self) -> bool:
        """Whether a parameter has changed, in place or through `.data`."""
        for ref, version_then, then in self._versions:
            tensor = ref()
            if tensor is None:
                continue
            if tensor._version != version_then:
                return True
            if then is not None and (tensor.shape != then.shape or not torch.equal(tensor.detach(), then)):
                return True
        return False

    def replaced(self, leaves: Sequence[Tensor]) -> bool:
        """Whether new tensors stand where the parameters were: all are gone, and the new ones lie where the gradients led.

        Inputs with a gradient (saliency maps, attacks) are new in each iteration too; they lie anywhere.
        """
        if not self._versions or any(ref() is not None for ref, _, _ in self._versions):
            return False
        if len(leaves) != len(self._versions) or len(self._slopes) != len(leaves):
            return False
        moves, slopes = [], []
        for new, (_, _, then), slope in zip(leaves, self._versions, self._slopes, strict=True):
            if then is None or slope is None or new.shape != then.shape:
                return False
            moves.append((new.detach() - then).reshape(-1).to(torch.float64))
            slopes.append(slope.reshape(-1).to(torch.float64))
        return bool(abs(torch.cosine_similarity(torch.cat(moves), torch.cat(slopes), dim=0)) > FOLLOWS)
