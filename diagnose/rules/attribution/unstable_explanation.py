from __future__ import annotations

from collections.abc import Iterator

from diagnose.explanation import Check, Explanation
from diagnose.finding import Comparison, Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.attribution.skill import explanations, source_of
from diagnose.run import Training

WORDS = {
    "completeness": "the map does not add up to the change of the output",
    "sensitivity": "noise that nobody sees changes the map by more than its own size",
    "randomisation": "a network with shuffled weights gives nearly the same map",
}
CURES = {
    "completeness": "use a method that needs no path integral, such as occlusion or feature-ablation (--method)",
    "sensitivity": "do not read single maps of this network: look at the global importance, or use occlusion (--method)",
    "randomisation": "do not read this map as what was learnt: it shows the input; use occlusion or feature-ablation (--method)",
}


@rule(needs=("explanations",))
def unstable_explanation(training: Training, *, margin: float = 1.0) -> Iterator[Finding]:
    """The attribution fails its own checks: what it shows cannot be believed.

    What it does:
        Takes the trust figures of the method that the findings rest on, medians over the explained samples: completeness
        gap, sensitivity to small noise, likeness to the maps of a network with shuffled weights. Speaks when one is
        beyond `margin` times its limit; of the likeness only if the map also loses against a random order, by deletion or
        by insertion.

    Why is this bad:
        A map always looks like something. One that moves with invisible noise, or stays when the weights are shuffled,
        says nothing about this network.

    Fix:
        Another method (`--method`), or none: the exchanges between samples need no map.

    Known problems:
        The training itself may be sound: hence a note. An untrained autoencoder misses what is unusual about its input, as a
        trained one does: of a reconstruction error the likeness to shuffled weights is left out. A network that looks at
        what any network of its kind looks at first, a recurrent one at the last values, has maps like those of shuffled
        weights, and rightly: hence the second sign.

    Example:
        `--method saliency` on a network of saturated activations

    References:
        Adebayo et al. 2018, Sanity checks for saliency maps, https://arxiv.org/abs/1810.03292; Yeh et al. 2019, On the
        (in)fidelity and sensitivity of explanations, https://arxiv.org/abs/1901.09392; Sundararajan et al. 2017, section 5,
        https://arxiv.org/abs/1703.01365 (5 % of completeness).
    """
    for explanation in explanations(training):
        alike = explanation.task != "autoencoder" and not _faithful(explanation)
        names = [name for name in WORDS if name != "randomisation" or alike]
        failed = [check for check in explanation.trust if check.name in names and _beyond(check, margin)]
        for check in failed[:1]:
            comparison: Comparison = "above" if check.comparison == "below" else "below"
            said = ", ".join(f"{c.name} {c.value:.2g} (limit {c.limit:g})" for c in failed)
            yield Finding(
                message=f"{explanation.method} on {explanation.network} fails its checks: {said}: {WORDS[check.name]}",
                places=(explanation.network,),
                evidence=(Evidence(check.name, explanation.network, None, check.value, comparison, check.limit, None, "median"),),
                severity="note",
                confidence=0.8,
                fix=Fix(CURES[check.name]),
                source=source_of(training, explanation),
            )


def _faithful(explanation: Explanation) -> bool:
    """Whether the map's order was measured to beat a random one, both ways."""
    orders = [check for check in explanation.trust if check.name in ("deletion", "insertion")]
    return bool(orders) and all(check.passed for check in orders)


def _beyond(check: Check, margin: float) -> bool:
    return check.value > margin * check.limit if check.comparison == "below" else check.value < check.limit / margin
