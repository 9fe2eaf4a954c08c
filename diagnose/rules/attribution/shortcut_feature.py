from __future__ import annotations

from collections.abc import Iterator

from diagnose.explanation import Explanation, Intervention
from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.attribution.skill import explanations, left_by, source_of
from diagnose.run import Training


@rule(
    needs=("explanations",),
    symptoms=("label-leak", "suspicious-validation", "train-validation-leakage", "wasted-epochs", "unstable-explanation"),
)
def shortcut_feature(
    training: Training, *, lost: float = 0.5, kept: float = 0.25, padding: float = 0.5, alone: float = 0.9, used: float = 0.1
) -> Iterator[Finding]:
    """The network answers by a small mark that gives the label away, not by the object.

    What it does:
        Takes places of the input and exchanges them between samples: of an image the window of a sixteenth of its area with
        the most attribution, the dearest of all windows and borders, and of each sample the window with the most
        attribution of its own, wherever that is; of a table a column that counts its rows. Speaks when the network then
        loses `lost` of what it had learnt, and still has `kept` of it when everything else is exchanged in its stead; of a
        counting column also when the label can be told by it `alone` and it moves the outputs by `used` of their
        spread. Of a text its padding is filled with the text's own symbols: `padding` of what was learnt must go, and `kept`
        of it stay when the padding stays and the texts are exchanged.

    Why is this bad:
        The mark is there in the data that were collected, and in the validation split off them: every figure looks right.
        Where the network is used the mark is missing, or means something else.

    Fix:
        Remove the mark: crop, mask or draw it at random; drop the column. Then evaluate on data from another source.

    Known problems:
        Where the object itself is as small as a sixteenth of the image, and either moves about or is always at one place away
        from the border, the place may be right: hence only a warning there. A mark larger than that is not seen as one.

    Example:
        `diagnose run --explain demos/convolutional.py --problem shortcut-feature`

    References:
        Geirhos et al. 2020, Shortcut learning in deep neural networks, https://arxiv.org/abs/2004.07780; Lapuschkin et al.
        2019, Unmasking Clever Hans predictors, https://doi.org/10.1038/s41467-019-08987-4. The limits lie in the gap that
        `tests/benchmarks/attribution_gaps.py` measures: on healthy digits of 8 x 8 and 28 x 28 pixels the dearest place, fixed
        or moving, costs at most 34 % of what was learnt and alone keeps at most 10 %; a mark that is relied on costs 68 to
        100 % and keeps 47 to 100 %. A network that hardly uses a mark beside the object (16 % and 4 %) is left alone.
        Padding that tells the length keeps 98 to 100 % alone, other padding nothing (`tests/observe/explain/test_places.py`).
    """
    for explanation in explanations(training):
        placed: dict[str, tuple[float, Finding]] = {}  # the strongest of each input
        for one in explanation.interventions:
            if one.what != "shuffled":
                continue
            others = explanation.intervention("alone", one.place)
            gone = 1 - left_by(explanation, one)
            if others is None:
                continue
            rest = left_by(explanation, others)
            if one.place.endswith(" padding"):
                if gone > padding and rest > kept:
                    yield _of_padding(training, explanation, one, gone, rest, padding, kept)
                continue
            if not ("border" in one.details or "moving" in one.details or one.details.get("counter")):
                continue
            itself = float(one.details.get("by_itself", float("nan")))
            if one.details.get("counter") and itself > alone and one.output_change > used and not (gone > lost and rest > kept):
                yield _of_counter(training, explanation, one, itself, alone)
            if gone > lost and rest > kept:
                input, _, _ = one.place.partition("[" if "[" in one.place else " ")
                strength = gone + rest - ("moving" in one.details)  # a mark that stays where it is can be moved as well
                if input not in placed or strength > placed[input][0]:
                    placed[input] = strength, _of_place(training, explanation, one, gone, rest, lost, kept)
        yield from (finding for _, finding in placed.values())


def _of_place(
    training: Training, explanation: Explanation, one: Intervention, gone: float, rest: float, lost: float, kept: float
) -> Finding:
    column = "counter" in one.details
    outside = column or bool(one.details.get("border"))
    moving = "moving" in one.details
    where = "in a corner" if one.details.get("corner") else "at the border" if one.details.get("border") else "inside"
    if moving:
        where = f"{one.details['height']} by {one.details['width']} pixels, at another place in each"
    named = _column(explanation, one) if column else f"{one.size:.0%} of the image {where}"
    message = (
        f"{one.place} ({named}) decides: exchanged between samples it takes {gone:.0%} of what was learnt, "
        f"alone it keeps {rest:.0%}"
    )
    cure = (
        f"drop column {one.details['feature']}: it only counts the rows"
        if column
        else "look at the maps of single samples: what lies under their strongest spot? Remove it, and evaluate on images without it"
        if moving
        else "remove what lies there (crop, mask it, or draw it at random for every image), and evaluate on images without it"
    )
    return Finding(
        message=message,
        places=(one.place,),
        evidence=(
            Evidence("learnt_lost", one.place, None, gone, "above", lost, "share", "share of what was learnt, place exchanged"),
            Evidence("learnt_kept", one.place, None, rest, "above", kept, "share", "share of what was learnt, all else exchanged"),
        ),
        severity="error" if outside else "warning",
        confidence=0.9 if outside else 0.6,
        fix=Fix(cure),
        source=source_of(training, explanation),
    )


def _of_counter(training: Training, explanation: Explanation, one: Intervention, itself: float, alone: float) -> Finding:
    return Finding(
        message=f"{one.place} ({_column(explanation, one)}) tells the label: its neighbours tell {itself:.0%} of what there is to learn",
        places=(one.place,),
        evidence=(Evidence("told_by_itself", one.place, None, itself, "above", alone, "share", "share of what a constant gets wrong"),),
        severity="error",
        confidence=0.85,
        fix=Fix(f"drop column {one.details['feature']}: it only counts the rows, which are sorted by the label"),
        source=source_of(training, explanation),
    )


def _column(explanation: Explanation, one: Intervention) -> str:
    given = explanation.input(one.place.partition("[")[0])
    feature = int(one.details["feature"])
    name = given.names[feature] if given is not None and feature < len(given.names) else f"column {feature}"
    return f"{name}, all different and in even steps: it counts the rows"


def _of_padding(
    training: Training, explanation: Explanation, one: Intervention, gone: float, rest: float, limit: float, kept: float
) -> Finding:
    return Finding(
        message=f"the padding decides: filled with the text's own symbols it takes {gone:.0%} of what was learnt, and with the "
        f"texts exchanged it keeps {rest:.0%}",
        places=(one.place,),
        evidence=(
            Evidence("learnt_lost", one.place, None, gone, "above", limit, "share", "share of what was learnt, padding filled"),
            Evidence("learnt_kept", one.place, None, rest, "above", kept, "share", "share of what was learnt, texts exchanged"),
        ),
        severity="warning",
        confidence=0.7,
        fix=Fix(
            "does the length of a text give its label away? Take texts of one length of every label; mask the padding (pack the "
            "sequences, or give attention a key_padding_mask), and take no mean over it"
        ),
        source=source_of(training, explanation),
    )
