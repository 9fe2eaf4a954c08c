"""Loss calls: told apart into training and evaluation by whether a backward reaches them, and added up by pass."""

from __future__ import annotations

import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from diagnose.observe import graph
from diagnose.observe.loss_calls import Key, LossCall, Pass, arguments_of, form, input_and_target, wanted
from diagnose.observe.memory import resident
from diagnose.observe.probes.losses import accuracy
from diagnose.observe.sources import column, is_user_file, locals_of, user_frames, where
from diagnose.observe.torch_state import plain
from diagnose.observe.transfer import number

if TYPE_CHECKING:
    from diagnose.observe.session import Session

BEFORE = 8  # losses kept of a program that has no optimizer yet
KNOWN = 16  # times a place must have trained before it is taken for a training's
ACCURACY_ELEMENTS = 4_000_000  # an argmax over more than this is not worth its time


class Losses:
    """Every loss call of the program between two outermost steps."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.fired: list[LossCall] = []
        self.waiting: list[LossCall] = []  # with a gradient: not known yet whether it trains
        self.passes: dict[Key, Pass] = {}
        self._old_frames: set[tuple[int, int]] = set()
        self._locals_seen: dict[tuple[Any, str], set[Any]] = {}
        self.last: LossCall | None = None
        self._compared = 0.0  # the clock after it
        self._trained: dict[tuple[str, tuple[str, int]], int] = {}  # how often a place has trained; evaluations count against it
        self._passing: dict[tuple[int, int], CodeType] = {}  # instructions whose calls have passed in this rest
        self._code: CodeType | None = None  # the last of them
        self._instruction = -1
        self._root: Callable[[], nn.Module | None] = lambda: None  # the network called last before this rest
        self._past: deque[tuple[int, weakref.ref[LossCall]]] = deque(maxlen=256)

    def give_up(self) -> None:
        """Nothing waits any more."""
        self.fired, self.waiting, self.passes = [], [], {}

    def leave_to(self, thread: int) -> None:
        """From now on one thread is followed: calls of others, made while nobody was, are not its own."""
        for call in self.waiting:
            if call.thread != thread:
                call.fired = 1  # as far as it is told: a backward of its own may come while the followed thread runs one
        self.waiting = [call for call in self.waiting if call.thread == thread]
        self.passes = {key: one for key, one in self.passes.items() if one.call.thread == thread}

    def busy(self) -> bool:
        """Whether anything waits to be settled."""
        return bool(self.waiting or self.fired or self.passes)

    def passes_by(self, name: str, result: Any) -> bool:
        """While steps are only counted: whether a call is the training's, at a place that has trained often. Else wakes.

        Of a place that has passed once in this rest only the instruction is compared: this runs in every counted step.
        """
        frame = sys._getframe(2)
        code = frame.f_code
        while code is not self._code and not is_user_file(code.co_filename) and frame.f_back is not None:
            frame = frame.f_back
            code = frame.f_code
        if (code is self._code and frame.f_lasti == self._instruction) or (id(code), frame.f_lasti) in self._passing:
            root = self._root()
            if result.requires_grad and (root is None or root.training):
                self._code, self._instruction = code, frame.f_lasti
                return True
        elif self.known(name, result):
            self._passing[id(code), frame.f_lasti] = code
            return True
        self.session.rest.wake()
        return False

    def rests(self) -> None:
        """From now on steps are only counted."""
        self._passing.clear()
        self._code = None
        root = self.session.calls.last_root()
        self._root = (lambda: None) if root is None else weakref.ref(root)

    def known(self, name: str, result: Any) -> bool:
        """Whether a call is one of the training's that have been seen often: then it need not be looked at again."""
        if not isinstance(result, Tensor) or not result.requires_grad:
            return False
        root = self.session.calls.last_root()
        if root is not None and not root.training:  # one function may train and evaluate
            return False
        place = where()
        return place is not None and self._trained.get((name, place), 0) > KNOWN

    # -- while the program runs ------------------------------------------------------------------------------------

    def loss_called(self, name: str, original: Any, args: Any, kwargs: Any, result: Any) -> None:
        """A loss function of torch was called."""
        session = self.session
        session.by_hand.moved()
        if session.asleep() or session.safety.is_off("losses"):
            return
        if session.lean:
            began = time.perf_counter()
            known = self.known(name, result)
            session.schedule.pulse(time.perf_counter() - began)
            if known:
                return
        if not plain(result):
            return
        began = time.perf_counter()
        try:
            call = self.called(name, original, args, kwargs, result)
            prediction, target = input_and_target(name, args, kwargs)
            if session.keeper is not None:
                session.keeper.lossed(call, original, args, kwargs, prediction, target)
            if result.requires_grad and isinstance(prediction, Tensor) and isinstance(target, Tensor):
                session.shadow.learn(call, original, args, kwargs, prediction, target)
                if not session.streams:  # the next backward may show that what it reaches is trained by hand
                    session.snapshot.losses = session.snapshot.losses[-BEFORE:]
                if session.snapping or not session.streams:
                    inputs = [key for t in (prediction, target) if (key := graph.key(t.grad_fn)) is not None]
                    session.snapshot.losses.append((call, graph.key(result.grad_fn), inputs))
                    asked = wanted(name, args, kwargs)
                    if plain(prediction) and isinstance(asked, Tensor) and plain(asked):
                        call.statistics = session.read("losses", name, prediction, asked, part="measure")
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            session.failed("losses", error)
        finally:
            session.schedule.took(time.perf_counter() - began)

    def called(
        self, name: str, original: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], result: Tensor
    ) -> LossCall:
        """Takes note of a call; hooks its result when a backward could reach it."""
        prediction, target = input_and_target(name, args, kwargs)
        frames = user_frames(3)
        lines = tuple([(f.f_code.co_filename, f.f_lineno) for f in frames])
        call = LossCall(self, name, arguments_of(name, original, args, kwargs), lines)
        call.ways = tuple([column(f) for f in frames[1:]])
        call.value = number(result)
        call.tick = self.session.tick
        if isinstance(prediction, Tensor) and prediction.dim():
            call.samples = prediction.shape[0]
        call.given = (form(prediction), form(target))
        call.hashes = self.session.data.take_hashes()
        if call.hashes is not None and call.samples % call.hashes.shape[0]:
            call.hashes = None  # the loss is of something else than what the network was given: pairs of a graph's nodes
        call.loader = self.session.data.loader_now()
        call.name = self._name(frames)
        evaluating = not result.requires_grad
        if evaluating or not self._trains(call, frames):
            call.evaluation = self._pass(call, frames)
            call.evaluation.remember()
            both = isinstance(prediction, Tensor) and isinstance(target, Tensor)
            if both and prediction.numel() <= ACCURACY_ELEMENTS:
                with torch.no_grad():
                    right = accuracy(name, prediction.detach(), target.detach())
                call.accuracy = None if right is None else number(right)
        if evaluating:
            to, call.evaluation = call.evaluation, None
            assert to is not None
            self.add(to, call)
        else:
            result.register_hook(call)
            if len(self.waiting) > 1 and (len(self.waiting) < 32 or len(self.waiting) % 16 == 0):
                call.memory = resident()  # several in a row: an evaluation with gradients, perhaps
            self.waiting.append(call)
        self.last, self._compared = call, time.perf_counter()
        return call

    def _trains(self, call: LossCall, frames: Sequence[FrameType]) -> bool:
        """Whether a call with a gradient looks like training: then the price of an evaluation's key is saved."""
        root = self.session.calls.last_root()
        return root is None or root.training

    def _pass(self, call: LossCall, frames: Sequence[FrameType]) -> Pass:
        """The pass this call would belong to if it is an evaluation."""
        loader = self.session.data.loader_now()
        base = (call.key, call.lines, None if loader is None else loader["id"], call.ways)
        split, name = self._split(base, frames)
        key = (*base, split)
        found = self.passes.get(key)
        if found is None:
            found = Pass(key, name or self._name(frames), self.session.tick, call)
            found.began = max(self._compared, self.session.row.ended)  # its first batch went through the network since
            found.grad_enabled = self.session.calls.evaluated_with_gradients()
            found.loader = loader
            found.stream = self.session.calls.stream_called()
            found.training_layers, found.evaluation_layers = self.session.calls.modes()
            self.passes[key] = found
        return found

    def shadow_pass(self, call: LossCall, frames: Sequence[FrameType]) -> Pass:
        """The pass of a repeated loss, apart from those the program computes."""
        loader = self.session.data.loader_now()
        key = ("shadow", call.lines, None if loader is None else loader["id"], call.ways)
        found = self.passes.get(key)
        if found is None:
            found = self.passes[key] = Pass(key, self._name(frames), self.session.tick, call)
            found.loader = loader
            found.stream = self.session.calls.stream_called()
            found.training_layers, found.evaluation_layers = self.session.calls.modes()
        return found

    def add(self, to: Pass, call: LossCall) -> None:
        """Adds an evaluation call to its pass."""
        to.add(call)
        self.passes.setdefault(to.key, to)

    def _split(self, base: Any, frames: Sequence[FrameType]) -> tuple[tuple[tuple[str, Any], ...], str | None]:
        """Short texts and flags among the variables of frames younger than the last step: they name the data set.

        Only those with few values are kept; a formatted message is no name. Frames that were on the stack at the last
        step are left alone: reading their variables would keep tensors alive that the program deletes.
        """
        found: list[tuple[str, Any]] = []
        name: str | None = None
        for frame in frames:
            if (id(frame), id(frame.f_code)) in self._old_frames or frame.f_code.co_name == "<module>":
                continue
            for variable, value in locals_of(frame).items():
                if isinstance(value, bool) or (isinstance(value, str) and 0 < len(value) <= 20):
                    seen = self._locals_seen.setdefault((base[1], variable), set())
                    seen.add(value)
                    if len(seen) <= 4:
                        found.append((variable, value))
                        if isinstance(value, str) and name is None:
                            name = value
        return tuple(found), name

    @staticmethod
    def _name(frames: Sequence[FrameType]) -> str:
        for frame in frames:
            if frame.f_code.co_name not in ("<module>", "<lambda>", "forward", "__call__", "<listcomp>", "<genexpr>"):
                return frame.f_code.co_name
        return "evaluation"

    def forget_fired(self) -> None:
        """What a backward has reached so far is no loss of the step under way; its places need not be looked at each time."""
        for call in self.fired:
            call.evaluation = None
            self._count(call)
        self._past.extend((self.session.tick, weakref.ref(call)) for call in self.fired)
        self.fired = []

    def _count(self, call: LossCall) -> None:
        """One more call that a backward has reached, at its place."""
        if call.lines:
            place = (call.function, call.lines[0])
            self._trained[place] = self._trained.get(place, 0) + 1

    # -- at the end of a step --------------------------------------------------------------------------------------

    def settle(self, *, everything: bool = False) -> tuple[list[LossCall], list[Pass]]:
        """Training calls since the last step, and passes that have ended.

        A call with a gradient that no backward has reached waits one step more: some programs compute a loss before
        another network's step and use it after.
        """
        trained, self.fired = self.fired, []
        still: list[LossCall] = []
        tick = self.session.tick
        for call in self.waiting:
            if call.fired:
                continue
            if not everything and call.tick >= tick:
                still.append(call)
                continue
            to = call.evaluation or self._late(call)
            call.evaluation = None  # no cycle: a call must be gone as soon as its graph is
            to.grad_enabled = True
            if call.lines:  # this place also evaluates with gradients: each of its calls must be looked at
                self._trained[call.function, call.lines[0]] = -(10**9)
            to.tick = min(to.tick, call.tick)
            to.add(call)
            self.passes.setdefault(to.key, to)
            self._past.append((tick, weakref.ref(call)))
        self.waiting = still
        self._past.extend((tick, weakref.ref(call)) for call in trained)
        for call in trained:
            call.evaluation = None
            self._count(call)
        self._drop_shadows()
        waiting = {id(call.evaluation) for call in still if call.evaluation is not None}
        ended = [p for p in self.passes.values() if p.values and id(p) not in waiting]
        self.passes = {k: p for k, p in self.passes.items() if id(p) in waiting}
        self._remember_frames()
        return trained, ended

    def graphs_kept(self) -> int:
        """How many of the last 256 loss calls, older than two steps, have a graph that is still alive.

        The graph of a loss holds our hook, and nothing else holds it after the step: while the hook lives, the program keeps
        the loss (in a list, a sum, a state), and with it all that its backward needs.
        """
        old = self.session.tick - 2
        return sum(tick < old and ref() is not None for tick, ref in self._past)

    def _drop_shadows(self) -> None:
        """Where the program computed a loss on the same data itself, the repeated one is not needed."""
        real = {p.key[2] for p in self.passes.values() if not p.shadow and p.values}
        for key in [k for k, p in self.passes.items() if p.shadow and k[2] in real]:
            del self.passes[key]

    def _late(self, call: LossCall) -> Pass:
        """The pass of a call that looked like training: made in training mode, with a gradient that nobody asked for."""
        key = (call.key, call.lines, None if call.loader is None else call.loader["id"], call.ways, ())
        found = self.passes.get(key)
        if found is None:
            found = self.passes[key] = Pass(key, call.name, call.tick, call)
            found.loader = call.loader
            found.stream = self.session.calls.stream_called()
            training, evaluating = self.session.calls.modes()
            found.training_layers = [*training, *evaluating]
        return found

    def _remember_frames(self) -> None:
        """The frames on the stack at this step: they are older than whatever evaluates next."""
        found = set()
        frame: FrameType | None = sys._getframe(1)
        depth = 40
        while frame is not None and depth:
            found.add((id(frame), id(frame.f_code)))
            frame = frame.f_back
            depth -= 1
        self._old_frames = found
