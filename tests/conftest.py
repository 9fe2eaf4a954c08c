"""Options and surroundings of the test suite."""

import os

import pytest

# One thread, set before torch is imported and inherited by the programs that tests start: then two runs of the same
# training are the same to the last bit, and the suite is quicker, for its networks are small.
os.environ["OMP_NUM_THREADS"] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; read the difference")
