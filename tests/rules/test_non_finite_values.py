import numpy as np
import pytest
from made import findings, flat, made

from diagnose.run import Event

RULE = "non-finite-values"


def event(what: str, step: int, place: str | None = None, **details: object) -> Event:
    return Event("non-finite", step, place, {"what": what, "value": "nan", **details})


def broken(step: int) -> np.ndarray:
    loss = flat()
    loss[step:] = np.nan
    return loss


def test_names_the_first_place_and_step() -> None:
    events = [event("loss", 57), event("output", 57, "net.1", operation="log")]
    (finding,) = findings(RULE, made(loss=broken(57), events=events))
    assert finding.places == ("net.1",) and finding.steps == (57, 199) and finding.severity == "error"
    assert finding.message == "nan first at step 57, in the output of net.1 (Linear)"
    assert finding.fix and finding.fix.text.startswith("log: ")
    assert finding.source and finding.source.line == 11


def test_an_input_comes_before_what_follows_from_it() -> None:
    events = [event("gradient", 4, "net.0.weight"), event("loss", 4), event("input", 4, "net:0")]
    (finding,) = findings(RULE, made(loss=broken(4), events=events))
    assert finding.places == ("net:0",)


def test_loss_alone_is_enough() -> None:
    (finding,) = findings(RULE, made(loss=broken(31)))
    assert finding.steps == (31, 199) and "step 31" in finding.message and finding.source


def test_recovered_training_is_a_warning() -> None:
    loss = flat()
    loss[20:23] = np.nan
    (finding,) = findings(RULE, made(loss=loss))
    assert finding.severity == "warning" and "recovered" in finding.message


@pytest.mark.parametrize("events", [(), [event("output", 0, "net.1", value="-inf")]])
def test_masks_of_minus_infinity_are_no_fault(events: list[Event]) -> None:
    assert not findings(RULE, made(events=events))


def test_steps_that_the_scaler_skipped_are_left_out() -> None:
    skipped = np.zeros(200)
    skipped[:2] = 1
    events = [event("gradient", 0, "net.0.weight", value="inf"), event("gradient", 1, "net.0.weight", value="inf")]
    assert not findings(RULE, made({("skipped", None): skipped}, events=events))
    assert findings(RULE, made(events=events))


def test_rate_in_the_fix_is_the_runs_own() -> None:
    events = [event("parameter", 9, "net.0.weight")]
    (finding,) = findings(RULE, made(loss=broken(10), events=events))
    assert finding.fix and "(0.1 at that step) tenfold, to 0.01" in finding.fix.text
