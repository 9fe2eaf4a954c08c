from __future__ import annotations

from collections.abc import Iterator

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.attribution.skill import explanations, learnt, left_by, source_of
from diagnose.run import Training


@rule(needs=("explanations",), symptoms=("suspicious-validation", "wasted-epochs"))
def label_leak(
    training: Training, *, good: float = 0.9, kept: float = 0.9, lost: float = 0.7, alone: float = 0.98, used: float = 0.1,
    min_features: int = 3,
) -> Iterator[Finding]:
    """One column is all that the network needs, and with it it is nearly always right.

    What it does:
        Takes the columns of a table that hold the most attribution, one by one. Speaks when the network has learnt `good`
        of what there is to learn, keeps `kept` of that when all other columns are exchanged between samples, and loses
        `lost` of it when that column is. Speaks also of a column by which alone, by the nearest neighbours in its order,
        `alone` of what there is to learn can be told, and which moves the outputs by `used` of their spread.

    Why is this bad:
        A column that tells the label by itself was often made from it, or after it: a diagnosis code, a sum that holds the
        target, a date of the outcome. It will not be there when the network is asked.

    Fix:
        Find out when and from what the column is made; drop it if not before the label, and train again.

    Known problems:
        One honest column may suffice, and then the task needs no network: compare with a rule of one threshold.

    Example:
        A table with `paid_until` beside the label `has_paid`

    References:
        Kaufman et al. 2012, Leakage in data mining, https://doi.org/10.1145/2382577.2382579; Kapoor & Narayanan 2023,
        https://doi.org/10.1016/j.patter.2023.100804. The limits lie in the gap that `tests/benchmarks/attribution_gaps.py`
        measures on the tables of breast cancer, wine, iris, digits and diabetes: the best honest column (iris) tells 91 % by
        itself and keeps 31 % alone, a leaking one tells 99.7 to 100 %.
    """
    for explanation in explanations(training):
        level = learnt(explanation)
        if not level > good:
            continue
        for one in explanation.interventions:
            others = explanation.intervention("alone", one.place)
            given = explanation.input(one.place.partition("[")[0])
            if one.what != "shuffled" or others is None or "feature" not in one.details or given is None:
                continue
            if given.shape[0] < min_features or one.details.get("counter"):
                continue
            rest, gone = left_by(explanation, others), 1 - left_by(explanation, one)
            itself = float(one.details.get("by_itself", float("nan")))
            decides, tells = rest > kept and gone > lost, itself > alone and one.output_change > used
            if not (decides or tells):
                continue
            feature = int(one.details["feature"])
            name = given.names[feature] if feature < len(given.names) else f"column {feature}"
            if decides:
                said = (
                    f"with all {given.shape[0] - 1} others exchanged between samples the network keeps {rest:.0%} of what it "
                    f"learnt, without it it loses {gone:.0%}"
                )
                seen = (
                    Evidence("learnt_kept", one.place, None, rest, "above", kept, "share", "share of what was learnt, column alone"),
                    Evidence("learnt_lost", one.place, None, gone, "above", lost, "share", "share of what was learnt, column exchanged"),
                )
            else:
                said = f"its neighbours in the order of that column alone tell {itself:.1%} of what there is to learn"
                seen = (
                    Evidence("told_by_itself", one.place, None, itself, "above", alone, "share", "share of what a constant gets wrong"),
                    Evidence("output_change", one.place, None, one.output_change, "above", used, "share", "share of the outputs' spread"),
                )
            yield Finding(
                message=f"{name} of {given.id} suffices: {said}",
                places=(one.place,),
                evidence=(
                    *seen,
                    Evidence("learnt", explanation.network, None, level, "above", good, "share", "share of what a constant gets wrong"),
                ),
                severity="error",
                confidence=0.75,
                fix=Fix(f"find out when {name} comes into being; if not before the label, drop it and train again"),
                source=source_of(training, explanation),
            )
            return
