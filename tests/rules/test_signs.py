"""The second signs that rules share."""

import numpy as np

from diagnose.rules import signs
from diagnose.run import Series


def test_late_is_late_in_the_training_not_in_the_record() -> None:
    """On a busy machine the later steps are written down less often: of 130 losses the last 30 are of the second half."""
    steps = np.concatenate([np.arange(100), np.arange(100, 400, 10)])
    series = Series("loss", None, steps, np.where(steps < 100, 2.0, steps / 100.0))
    assert signs.late(series).min() > 3.1 and len(signs.late(series)) == 8
    even = Series("loss", None, np.arange(50), np.arange(50.0))
    assert signs.late(even).tolist() == list(range(40, 50))
    assert len(signs.late(Series("loss", None, np.array([0, 9]), np.array([1.0, 2.0])))) == 2
