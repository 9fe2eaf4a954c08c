"""What an explanation takes, and what is left out so that it fits its time: estimated from one measured pass, then held to.

What is left out, in this order: samples (of the exchanges, of the importance, of the layers), random orders and draws of the
checks, then methods: the shares of the layers, the second opinions, the points of the path integral, and last the integral
itself for a single gradient, the exchanges, and all but a few samples. All that is left out is said in one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from diagnose.observe.explain.budget import Budget
from diagnose.observe.explain.methods import MOST_STEPS, PERMUTATIONS, STEPS, windows_of
from diagnose.observe.explain.subject import Subject

SAFETY = 1.2  # an estimate may be short by as much
GRADIENT = "input-x-gradient"  # one pass a map, the cheapest that fits every kind of input


@dataclass(frozen=True)
class Plan:
    """How much of everything: samples, random orders, points of a path."""

    shown: int = 4  # samples with maps of their own: the worst, the best and two ordinary ones
    looked_at: int = 512  # samples whose losses are measured
    tried: int = 256  # samples on which exchanges are tried
    screened: int = 128  # samples on which the windows of an image are compared
    overall: int = 64  # samples whose maps make the global importance
    judged: int = 256  # samples on which it is measured what was learnt
    layered: int = 16  # samples for the shares of the layers
    orders: int = 8  # random orders that a map's own is compared with
    draws: int = 3  # of noise, of shuffled weights, of exchanges
    steps: int = MOST_STEPS  # points of a path integral, at most
    layers: int = 24  # whose shares are measured, the first that fit
    others: int = 8  # methods beside the first
    gradient: bool = False  # a single gradient in place of the path integral
    exchanges: bool = True


WORDS = {
    "looked_at": "losses of {} of {} samples", "tried": "exchanges on {} of {}", "screened": "windows compared on {} of {}",
    "overall": "importance over {} of {}", "judged": "what was learnt judged on {} of {}", "layered": "layers on {} of {}",
    "shown": "maps of {} of {}", "orders": "{} of {} random orders", "draws": "{} of {} draws of noise and shuffled weights",
    "steps": "at most {} of {} points of the path", "layers": "shares of {} of {} layers", "others": "{} of {} further methods",
    "gradient": "a single gradient in place of integrated gradients", "exchanges": "no exchanges between samples",
}  # fmt: skip
SETTLED = {  # by each stage
    "losses": ("looked_at",), "learnt": ("judged", "draws"), "first": ("shown", "orders", "steps", "gradient"),
    "importance": ("overall",), "exchanges": ("tried", "screened", "exchanges"),
}  # fmt: skip
SAMPLES = {"looked_at": 64, "tried": 32, "screened": 32, "overall": 8, "judged": 64, "layered": 4}  # each halved down to


def fitted(
    wanted: Plan, now: Plan, subject: Subject, budget: Budget, methods: Sequence[str], *, done: Sequence[str] = (), pace: float = 1.0
) -> Plan:
    """The wanted plan, with as much left out as its estimate needs to fit into what is left of the time.

    Args:
        now: what stages that lie behind have followed stays.
        methods: the first, then the others.
        done: stages that lie behind, see `stages`.
        pace: what they took, by their estimate.
    """
    settled = {name: getattr(now, name) for stage in done for name in SETTLED.get(stage, ())}
    for poorer in (wanted, *ladder(wanted, len(methods) - 1)):
        now = replace(poorer, **settled)
        told = stages(now, subject, budget, methods) if methods else {}
        if SAFETY * pace * sum(seconds for stage, seconds in told.items() if stage not in done) <= budget.left:
            break
    return now


def ladder(plan: Plan, others: int) -> Iterator[Plan]:
    """Ever poorer plans, in the order in which things are left out."""
    for share in (2, 4, 8, 16):
        plan = replace(plan, **{n: min(getattr(plan, n), max(least, getattr(Plan, n) // share)) for n, least in SAMPLES.items()})
        yield plan
    if plan.shown > Plan.shown:
        yield (plan := replace(plan, shown=Plan.shown))
    for orders, draws in ((4, 2), (2, 1)):
        yield (plan := replace(plan, orders=min(plan.orders, orders), draws=min(plan.draws, draws)))
    yield (plan := replace(plan, layers=0))
    for amount in range(others - 1, -1, -1):
        yield (plan := replace(plan, others=min(plan.others, amount)))
    for steps in (64, STEPS):
        yield (plan := replace(plan, steps=min(plan.steps, steps)))
    yield (plan := replace(plan, gradient=True))
    yield (plan := replace(plan, shown=min(plan.shown, 2)))
    yield (plan := replace(plan, exchanges=False))
    yield replace(plan, looked_at=8, judged=8, overall=2, tried=8)  # of networks that take seconds a sample


def stages(plan: Plan, subject: Subject, budget: Budget, methods: Sequence[str]) -> dict[str, float]:
    """Seconds of each stage."""
    first, *others = methods
    if plan.gradient and first == "integrated-gradients":
        first = GRADIENT
    forward, count = budget.forward, len(subject)
    features = sum(_size(given.shape) for given in subject.inputs)

    def maps(name: str) -> float:
        passes, gradients = passes_of(name, subject, plan.steps)
        return forward * passes + budget.cost * gradients

    def whole(name: str) -> float:
        """Maps of the shown samples with their checks."""
        curves = 2 * (1 + plan.orders) * (min(16, features) + 1)
        return plan.shown * (maps(name) * (1 + 2 * plan.draws) + forward * (6 + curves))

    looked_at, tried = min(count, plan.looked_at), min(count, plan.tried)
    return {
        "losses": 3 * forward * looked_at,
        "learnt": forward * (1 + plan.draws) * min(count, plan.judged),
        "first": whole(first),
        "importance": min(count, plan.overall) * maps(first),
        "exchanges": plan.exchanges * forward * (tried * _exchanges(subject, plan) + min(count, plan.screened) * _screened(subject)),
        **{name: whole(name) for name in others[: plan.others]},
        "layers": 12 * budget.cost * plan.layers * min(count, plan.layered),
    }


def passes_of(name: str, subject: Subject, steps: int = MOST_STEPS) -> tuple[int, int]:
    """How often a sample goes forward, and forward and backward, for one map."""
    if name == "integrated-gradients":
        return 2, min(2 * STEPS, steps)  # most need no more than twice the first number
    if name == "occlusion":
        return 1 + sum(int(windows_of(given, subject).max()) + 1 for given in subject.inputs), 0
    if name in ("feature-ablation", "shapley-sampling"):
        features = sum(_size(given.shape) for given in subject.inputs)
        return 1 + features * (PERMUTATIONS if name == "shapley-sampling" else 1), 0
    return 1, 3 if name == "deep-lift" else 1


def left_out(plan: Plan, wanted: Plan, count: int, others: int, budget: Budget) -> str:
    """What of the wanted was left out, and why, in one line; empty where nothing was.

    Args:
        count: samples that there are.
        others: methods that fit beside the first.
    """
    most = {"others": others, **{name: min(count, getattr(wanted, name)) for name in (*SAMPLES, "shown")}}
    told = []
    for name, words in WORDS.items():
        before = most.get(name, getattr(wanted, name))
        now = getattr(plan, name)
        if now != before and (isinstance(now, bool) or now < before):
            told.append(words.format(now, before))
    if not told:
        return ""
    return (
        f"a sample takes {1000 * budget.forward:.3g} ms forward and {1000 * budget.cost:.3g} ms with its gradient; to keep within "
        f"{budget.seconds:g} s of processor time there are {', '.join(told)}; --seconds allows more"
    )


def _exchanges(subject: Subject, plan: Plan) -> int:
    """Passes of a tried sample: as it is, its inputs exchanged, its places exchanged and alone."""
    places = {"image": 3, "tabular": 4, "tokens": 1}
    return 1 + plan.draws * sum(1 + 2 * places.get(given.kind, 0) for given in subject.inputs)


def _screened(subject: Subject) -> int:
    return sum(24 for given in subject.inputs if given.kind == "image")


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size
