"""The program calls its networks: hooks on the topmost modules that really run, and what they saw last."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from diagnose.observe.hooks import Hook
from diagnose.observe.nested import first_tensor, tensors, weak
from diagnose.observe.networks import Network
from diagnose.observe.readings import read_inputs
from diagnose.observe.sources import calling, is_user_file
from diagnose.observe.streams import Stream
from diagnose.observe.unregistered import Unregistered

if TYPE_CHECKING:
    from diagnose.observe.session import Session


# Times in a row that a network is given the same for one loss, from which on its dropout is a sample of it (Gal & Ghahramani 2016,
# https://arxiv.org/abs/1506.02142, take ten and more).
SAMPLED = 3


class Calls:
    """Listens to the topmost modules of every training's networks."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rooted = False  # the hooks are on the modules that really run, as far as is known
        self.last_input: Callable[[], Any] = lambda: None
        self._hooks: list[Hook] = []
        self._refs: dict[int, Callable[[], Any]] = {}
        self._streams: dict[int, int] = {}  # by the id of a root: the index of the stream that trains it
        # Whether roots were given what others made, data, or both.
        self._fed: weakref.WeakKeyDictionary[nn.Module, set[bool]] = weakref.WeakKeyDictionary()
        self._first = -1, -1  # tick and stream of the last root that was given data
        self._root: Callable[[], Any] = lambda: None
        self._taker: Callable[[], Any] = lambda: None  # the root that was given the last input
        self._output: Callable[[], Any] = lambda: None
        self._modes = True, True  # the last root's mode and the grad mode when it was called
        self._called_at = 0  # the tick at which it was called
        self._again = 0  # how often the last input had been given before, in a row
        self._dropping = False  # a dropout that the program calls as a function has dropped since a root was called last
        self._dropped = False  # the same during the last root's call
        self._unregistered = Unregistered(session)
        self._loose: list[str] = []  # dropout modules of no network that dropped during it

    # -- hooks ---------------------------------------------------------------------------------------------------

    def hook_again(self) -> None:
        """Root hooks between snapshots; hooks on every layer of the networks that are due."""
        session = self.session
        self.unhook_all()
        if not session.listening() or session.seams.suspensions or session.seams.resting:
            return
        due = [s for s in session.live_streams() if s.due]
        networks = {id(n): n for s in (due or session.live_streams()) for n in s.networks}
        session.snapping = bool(due)
        stream = session.by_hand.stream
        if stream is not None:  # first of all hooks, for it may begin the step that the others look at
            for module in (m for n in stream.networks for m in n.roots()):
                if not isinstance(module, torch.jit.ScriptModule):
                    self._hooks.append(Hook(module, session.seams.quiet(session.by_hand.called), before=True))
        if due:
            session.snapshot.attach(list(networks.values()))
        trainings = {id(n): (n, s.index) for s in session.live_streams() for n in s.networks}
        self._streams.clear()
        for network, index in trainings.values():
            for module in network.roots():
                self._streams[id(module)] = index
                self._hook(network, module)

    def _hook(self, network: Network, module: nn.Module) -> None:
        session = self.session
        if isinstance(module, torch.jit.ScriptModule):
            session.blind(network.name, "a scripted module: its parameters are seen, its layers are not")
            return
        try:
            self._hooks.append(Hook(module, session.seams.quiet(self._called)))
            self._refs[id(module)] = weakref.ref(module)
        except RuntimeError:
            session.blind(network.name, "this module refuses hooks: its parameters are seen, its outputs are not")

    def unhook_all(self) -> None:
        """Takes every module hook off."""
        self.session.snapshot.detach()
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def _called(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        session = self.session
        if session.asleep():
            return
        self._modes, self._called_at = (module.training, torch.is_grad_enabled()), session.tick
        self._dropped, self._dropping = self._dropping, False
        self._loose, self._unregistered.dropped = self._unregistered.dropped, []
        if session.lean and module.training and torch.is_grad_enabled():
            self._root = self._refs[id(module)]
            return
        began = perf_counter()
        try:
            self._root = self._refs[id(module)]
            every = [*tensors(args), *tensors(kwargs)]
            given = every[0] if every else None
            inside = self._inside(module, every)
            self._output = weak(first_tensor(output))
            if not inside:
                self._again = self._again + 1 if given is not None and self.last_input() is given else 0
                self.last_input, self._taker = weak(given), self._root
                self._count_samples(given)
                session.data.hash(module, every)
            if session.keeper is not None:
                session.keeper.called(module, args, kwargs, output)
            if session.snapping and torch.is_grad_enabled() and module.training and not inside:
                read_inputs(session, module, args, kwargs)
            elif session.shadow.role is not None and not torch.is_grad_enabled():
                session.shadow.repeat(module, output)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            session.failed("root", error)
        finally:
            session.schedule.took(perf_counter() - began)

    def _inside(self, module: nn.Module, given: Sequence[Tensor]) -> bool:
        """Whether a root is given what another of the same training has made: `head(body(x))`, where only `body` sees data.

        With gradients the graph tells; without, whether the root was ever given data while there were.
        """
        if not torch.is_grad_enabled():
            return self._fed.get(module) == {True}
        stream = self._streams.get(id(module), -1)
        made = _computed(given) and self._first == (self.session.tick, stream)
        if not made:
            self._first = self.session.tick, stream
        self._fed.setdefault(module, set()).add(made)
        return made

    def drops(self, told: Any) -> None:
        """A function that drops is called: `F.dropout(x, p, training)`, which does unless it is told not to, or attention, which
        does where its p is not 0."""
        if self._dropping or self.session.asleep():
            return
        try:
            frame = calling() if told else None
            if frame is None:
                return
            if is_user_file(frame.f_code.co_filename):
                self._dropping = True
            elif not torch.is_grad_enabled():  # in training the graph tells, and all modules drop
                self._unregistered.drops(frame)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.session.failed("dropout", error)

    def part_called(self, module: nn.Module, given: Any) -> None:
        """A part of a network that is never called itself."""
        self._root, self.last_input, self._called_at = weakref.ref(module), weak(given), self.session.tick
        self._taker = self._root
        self._count_samples(given)

    def part_given(self, module: nn.Module, args: Any) -> None:
        """What a part is given before it is known as one of those that the program calls."""
        if module not in self._fed:
            self._fed[module] = {_computed(list(tensors(args)))}

    def _count_samples(self, given: Any) -> None:
        row = self.session.row
        if not row.given and isinstance(given, Tensor) and given.dim():
            row.given = given.shape[0]

    # -- what was called last --------------------------------------------------------------------------------------

    def last_root(self) -> nn.Module | None:
        """The network that was called last."""
        found = self._root()
        return found if isinstance(found, nn.Module) else None

    def taker(self) -> nn.Module | None:
        """The network that was given the last input."""
        found = self._taker()
        return found if isinstance(found, nn.Module) else None

    def last_output(self) -> Tensor | None:
        """The first tensor of the last network output."""
        found = self._output()
        return found if isinstance(found, Tensor) else None

    def evaluated_with_gradients(self) -> bool:
        """Whether the network called last kept a graph, whatever the grad mode is by now."""
        return self._modes[1] and torch.is_grad_enabled()

    def stream_called(self) -> Stream | None:
        """The newest stream that trains the network called last, or trained it: its optimizer may be gone by now."""
        root = self.last_root()
        if root is not None:
            for stream in reversed(list(self.session.streams.values())):
                if any(module is root for _, module in stream.modules()):
                    return stream
        return None

    def network_name(self, module: nn.Module | None) -> str:
        """The path of a root."""
        if module is None:
            return ""
        for network in self.session.networks:
            path = network.path_of(module)
            if path is not None:
                return path
        return type(module).__name__

    def modes(self) -> tuple[list[str], list[str]]:
        """Layers of the network called last that depend on the mode: those in training and those in evaluation mode.

        Where the network was asked the same several times in a row, what it draws is drawn on purpose: none is in training mode.
        """
        root = self.last_root()
        training: list[str] = []
        evaluating: list[str] = []
        if root is None or self._called_at != self.session.tick:  # since the last step another network was called: a copy
            return training, evaluating
        inside = {id(m) for m in root.modules()}
        back = root.training and not self._modes[0]  # evaluated, and set to training again before the loss
        for stream in self.session.live_streams():
            for path, module in stream.mode_layers():
                if id(module) in inside and path not in training and path not in evaluating:
                    (training if module.training and not back else evaluating).append(path)
        if self._again >= SAMPLED - 1 and not torch.is_grad_enabled():
            return [], [*training, *evaluating]
        if self._dropped:
            training += [path for path, item in self.session.snapshot.items.items() if _functional_dropout(item)]
        return [*training, *self._loose], evaluating


def _functional_dropout(item: dict[str, Any]) -> bool:
    """Whether an item describes a dropout that is no module."""
    return bool(item.get("functional")) and item.get("role") == "dropout"


def _computed(given: Sequence[Tensor]) -> bool:
    """Whether all of these come out of a graph."""
    return bool(given) and all(one.grad_fn is not None for one in given)
