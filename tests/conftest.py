"""Options and surroundings of the test suite."""

import os
import signal

import hypothesis
import pytest

# A shell's background jobs ignore Ctrl-C, and so would every program that a test starts from there.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# One thread, set before torch is imported and inherited by the programs that tests start: then two runs of the same
# training are the same to the last bit, and the suite is quicker, for its networks are small.
os.environ["OMP_NUM_THREADS"] = "1"

# On a busy machine an example may take long: that says nothing about the code.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], derandomize=True
)
hypothesis.settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; read the difference")
