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
        Takes the place of the input that holds the most attribution (of an image a window of a sixteenth of its area, of
        a table a column that counts its rows, of a text its padding) and exchanges it between samples. Speaks when the
        network then loses `lost` of what it had learnt, and still has `kept` of it when everything else is exchanged in
        its stead; of a counting column also when the label can be told by it `alone` and it moves the outputs by `used` of
        their spread. Padding is filled with the text's own symbols: there `padding` of what was learnt must go.

    Why is this bad:
        The mark is there in the data that were collected, and in the validation split off them: every figure looks right.
        Where the network is used the mark is missing, or means something else.

    Fix:
        Remove the mark: crop, mask or draw it at random; drop the column. Then evaluate on data from another source.

    Known problems:
        A mark that moves about is not at one place, and is not seen. Where the object itself is as small as a sixteenth of
        the image and always at one place, away from the border, the place may be right: hence only a warning there.

    Example:
        `diagnose run --explain demos/convolutional.py --problem shortcut-feature`

    References:
        Geirhos et al. 2020, Shortcut learning in deep neural networks, https://arxiv.org/abs/2004.07780; Lapuschkin et al.
        2019, Unmasking Clever Hans predictors, https://doi.org/10.1038/s41467-019-08987-4. The limits lie in the gap that
        `tests/benchmarks/attribution_gaps.py` measures: on healthy digits of 8 x 8 and 28 x 28 pixels the dearest window
        costs at most 34 % of what was learnt and alone keeps at most 5 %; a planted mark costs 64 to 89 % and keeps 44 to 91 %.
    """
    for explanation in explanations(training):
        for one in explanation.interventions:
            if one.what != "shuffled":
                continue
            others = explanation.intervention("alone", one.place)
            gone = 1 - left_by(explanation, one)
            if one.place.endswith(" padding"):
                if gone > padding:
                    yield _of_padding(training, explanation, one, gone, padding)
                continue
            if others is None or not ("border" in one.details or one.details.get("counter")):
                continue
            rest = left_by(explanation, others)
            itself = float(one.details.get("by_itself", float("nan")))
            if one.details.get("counter") and itself > alone and one.output_change > used and not (gone > lost and rest > kept):
                yield _of_counter(training, explanation, one, itself, alone)
            if gone > lost and rest > kept:
                yield _of_place(training, explanation, one, gone, rest, lost, kept)


def _of_place(
    training: Training, explanation: Explanation, one: Intervention, gone: float, rest: float, lost: float, kept: float
) -> Finding:
    column = "counter" in one.details
    outside = column or bool(one.details.get("border"))
    where = "in a corner" if one.details.get("corner") else "at the border" if one.details.get("border") else "inside"
    named = _column(explanation, one) if column else f"{one.size:.0%} of the image {where}"
    message = (
        f"{one.place} ({named}) decides: exchanged between samples it takes {gone:.0%} of what was learnt, "
        f"alone it keeps {rest:.0%}"
    )
    cure = (
        f"drop column {one.details['feature']}: it only counts the rows"
        if column
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


def _of_padding(training: Training, explanation: Explanation, one: Intervention, gone: float, limit: float) -> Finding:
    return Finding(
        message=f"the padding decides: filled with the text's own symbols it takes {gone:.0%} of what was learnt, limit {limit:.0%}",
        places=(one.place,),
        evidence=(
            Evidence("learnt_lost", one.place, None, gone, "above", limit, "share", "share of what was learnt, padding filled"),
        ),
        severity="warning",
        confidence=0.7,
        fix=Fix("mask the padding (pack the sequences, or give attention a key_padding_mask), and take no mean over it"),
        source=source_of(training, explanation),
    )
