"""non-finite-inputs: NaN or infinity in what the network is fed."""

import numpy as np
from hand_built import found, line, site, training

from diagnose.run import Event

RULE = "non-finite-inputs"
HOLES = {"input_non_finite_share": np.r_[0.0, 0.0, 0.01, np.zeros(37)]}


def test_a_nan_in_one_batch_that_spoils_the_loss_is_an_error() -> None:
    losses = np.r_[np.full(20, 1.0), np.full(380, np.nan)]
    (finding,) = found(RULE, training(site("mse_loss", "addmm"), {"loss": losses}, inputs=HOLES))
    assert finding.severity == "error" and "1.00% of a batch" in finding.message
    assert finding.steps == (20, 399)
    event = Event("non-finite", 20, "net.0", {"what": "gradient", "value": "nan"})
    (finding,) = found(RULE, training(site("mse_loss", "addmm"), inputs=HOLES, events=[event]))
    assert finding.severity == "error"


def test_with_everything_else_finite_it_is_a_note() -> None:
    (finding,) = found(RULE, training(site("mse_loss", "addmm"), {"loss": line(1, 0.1)}, inputs=HOLES))
    assert finding.severity == "note"
    event = Event("non-finite", 20, "net:0", {"what": "input", "value": "-inf"})  # a mask
    (finding,) = found(RULE, training(site("mse_loss", "addmm"), {"loss": line(1, 0.1)}, inputs=HOLES, events=[event]))
    assert finding.severity == "note"


def test_finite_inputs_are_fine_whatever_the_loss() -> None:
    given = {"input_non_finite_share": 0.0}
    assert not found(RULE, training(site("mse_loss", "addmm"), {"loss": np.full(400, np.nan)}, inputs=given))


def test_a_loss_that_was_never_finite_after_it_is_an_error() -> None:
    event = Event("non-finite", 0, "net:0", {"what": "input", "value": "nan"})
    (finding,) = found(
        RULE, training(site("mse_loss", "addmm"), {"loss": np.full(400, np.nan)}, inputs=HOLES, events=[event])
    )
    assert finding.severity == "error"


def test_what_the_network_made_itself_is_no_fault_of_the_data() -> None:
    """The state of a recurrent network comes in again: the explosion before it is the fault."""
    losses = np.r_[np.full(20, 1.0), np.full(380, np.nan)]
    for what, value, loud in (("output", "inf", False), ("output", "-inf", True), ("input", "nan", True)):
        event = Event("non-finite", 19, "net.0", {"what": what, "value": value})
        given = training(site("mse_loss", "addmm"), {"loss": losses}, inputs=HOLES, events=[event])
        assert bool(found(RULE, given)) is loud, what
    event = Event("non-finite", 20, "net.0", {"what": "output", "value": "nan"})  # in the same step it follows
    assert found(RULE, training(site("mse_loss", "addmm"), {"loss": losses}, inputs=HOLES, events=[event]))


def test_without_a_module_the_first_operation_tells() -> None:
    event = Event("non-finite", 0, "input", {"what": "input", "value": "nan", "operation": "mm"})
    recorded = training(site("cross_entropy", "mm"), {"loss": np.full(40, np.nan)}, events=[event])
    (finding,) = found(RULE, recorded)
    assert finding.severity == "error" and "nan at step 0" in finding.message and "mm" in finding.message
    assert not found(RULE, training(site("cross_entropy", "mm"), {"loss": np.full(40, np.nan)}))
