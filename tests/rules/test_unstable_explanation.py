from dataclasses import replace

import pytest
from looked import explanation, found

from diagnose.explanation import Check, Method

RULE = "unstable-explanation"


def checked(name: str, value: float, limit: float, comparison: str = "below"):
    method = Method("integrated-gradients", "differentiable", trust=(Check(name, value, comparison, limit),))
    return explanation(methods=(method,))


@pytest.mark.parametrize("name", ["completeness", "sensitivity", "randomisation"])
@pytest.mark.parametrize(("value", "loud"), [(0.0, False), (0.69, False), (0.71, True), (5.0, True)])
def test_speaks_beyond_each_limit(name: str, value: float, loud: bool) -> None:
    said = found(RULE, checked(name, value, 0.7))
    assert bool(said) is loud
    assert all(finding.severity == "note" and name in finding.message for finding in said)


def test_a_reconstruction_error_is_like_that_of_shuffled_weights() -> None:
    alike = checked("randomisation", 0.9, 0.7)
    assert found(RULE, alike) and not found(RULE, replace(alike, task="autoencoder"))


@pytest.mark.parametrize(("deletion", "loud"), [(0.4, False), (-0.1, True)])
def test_likeness_needs_a_second_sign_where_there_is_one(deletion: float, loud: bool) -> None:
    trust = (Check("deletion", deletion, "above", 0.0), Check("insertion", 0.4, "above", 0.0), Check("randomisation", 0.9, "below", 0.7))
    assert bool(found(RULE, explanation(methods=(Method("integrated-gradients", "differentiable", trust=trust),)))) is loud


def test_other_figures_are_no_matter_of_stability() -> None:
    assert not found(RULE, checked("deletion", -1.0, 0.0, "above"))


def test_only_the_method_that_the_findings_rest_on_counts() -> None:
    sound = Method("integrated-gradients", "", trust=(Check("sensitivity", 0.1, "below", 1.0),))
    other = Method("saliency", "", trust=(Check("sensitivity", 9.0, "below", 1.0),))
    assert not found(RULE, explanation(methods=(sound, other)))
