"""What `diagnose run --explain` does when the program has ended well: explains the networks whose samples were kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from diagnose.errors import DiagnoseError, one_line
from diagnose.explanation import Explanation
from diagnose.observe.explain.kept import Keeper, Kept, SampleSet
from diagnose.observe.explain.measure import explained
from diagnose.observe.explain.subject import CannotExplain, Subject
from diagnose.record.explanations import write_explanation
from diagnose.record.writer import Writer

UNKNOWN = 3  # the order of a set whose target and loss are unknown
FEWEST = 2  # samples: of one there is no baseline and nothing to exchange


class Wish(Protocol):
    """What is asked for: see the command line's options."""

    @property
    def method(self) -> str | None: ...
    @property
    def samples(self) -> int: ...
    @property
    def target(self) -> int | None: ...
    @property
    def keep(self) -> bool: ...
    @property
    def seconds(self) -> float: ...


def explain_kept(keeper: Keeper, writer: Writer, wish: Wish, say: Callable[[str], None]) -> list[Explanation]:
    """Explains every network that was kept, and writes it into the run.

    What cannot be explained is written too, with the reason, and said in one line.
    """
    if keeper.failed is not None:
        say(f"nothing is explained: keeping samples failed ({keeper.failed})")
        return []
    if not keeper.kept:
        say("nothing is explained: no call of a network that is trained was seen")
    found = []
    sure = any(_order(kept) < UNKNOWN for kept in keeper.kept.values())
    for kept in keeper.kept.values():
        one = _unjudged(kept) if sure and _order(kept) == UNKNOWN else _explained(kept, wish)
        if one.refused is not None:
            say(f"{kept.name} is not explained: {one.refused}")
        write_explanation(writer, kept.stream, one)
        found.append(one)
    keeper.kept.clear()
    return found


def _order(kept: Kept) -> int:
    return min((s.order for s in kept.sets.values()), default=UNKNOWN)


def _unjudged(kept: Kept) -> Explanation:
    """A generator, or a part whose output is another network's input."""
    return Explanation(kept.name, refused="no loss of its own output was seen: its inputs account for nothing (a generator's noise?)")


def _explained(kept: Kept, wish: Wish) -> Explanation:
    trained = kept.best(training=True)
    shown = kept.best(training=False) or trained
    if shown is not None and trained is not None and shown.order == UNKNOWN > trained.order:
        shown = trained  # targets are worth more than samples that are new
    if shown is None or len(shown.rows) < FEWEST:
        return Explanation(kept.name, refused=f"fewer than {FEWEST} samples were seen")
    try:
        subject = Subject(kept.module, shown.call, shown.output, shown.loss, shown.rows, kept.name, wish.target)
        return explained(
            subject, data=in_words(shown), method=wish.method, samples=wish.samples, keep=wish.keep, seconds=wish.seconds,
            training_rows=() if trained is None or trained is shown else trained.rows,
        )  # fmt: skip
    except CannotExplain as error:
        return Explanation(kept.name, refused=str(error))
    except DiagnoseError:
        raise
    except Exception as error:  # noqa: BLE001 whatever a network raises when it is called again is the reason
        return Explanation(kept.name, refused=f"{type(error).__name__}: {one_line(str(error))}"[:300])


def in_words(shown: SampleSet) -> str:
    """Where the samples came from."""
    what = "training" if shown.training else "evaluation"
    place = f" {shown.name!r}" if shown.order == 0 and not shown.training else ""
    amount = shown.seen if shown.training else shown.seen // max(1, len(shown.ticks))  # of one pass
    return f"{len(shown.rows)} of {max(amount, len(shown.rows)):,} samples of the {what}{place}"
