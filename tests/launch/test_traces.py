"""Tracebacks lose our frames and nothing else."""

import traceback

import pytest

from diagnose.launch.traces import without_ours

PROGRAM = "def step(call):\n    call()\n\ndef fail():\n    1 / 0\n"
SEAM = "def seam(function):\n    def wrapper(*arguments):\n        return function(*arguments)\n    return wrapper\n"


def frames(trace: object) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(trace)]  # type: ignore[arg-type]


def parts() -> dict[str, object]:
    made: dict[str, object] = {}
    exec(compile(PROGRAM, "train.py", "exec"), made)
    exec(compile(SEAM, "<diagnose importlib._bootstrap>", "exec"), made)
    return made


def test_the_launcher_and_wrappers_go_the_program_stays() -> None:
    p = parts()
    with pytest.raises(ZeroDivisionError) as caught:
        p["step"](p["seam"](p["seam"](p["fail"])))  # type: ignore[operator]
    assert frames(caught.value.__traceback__)[1:] == ["step", "wrapper", "wrapper", "fail"]
    assert frames(without_ours(caught.value, __file__)) == ["step", "fail"]


def test_causes_contexts_and_groups_lose_wrappers_too() -> None:
    p = parts()

    def caught() -> ZeroDivisionError:
        try:
            p["step"](p["seam"](p["fail"]))  # type: ignore[operator]
        except ZeroDivisionError as error:
            return error
        raise AssertionError

    members = [caught(), caught()]
    try:
        try:
            raise members[0]
        except ZeroDivisionError:
            raise ExceptionGroup("both", [members[1]]) from members[0]
    except ExceptionGroup as group:
        without_ours(group, "nowhere")
    assert all(frames(member.__traceback__)[-2:] == ["step", "fail"] for member in members)
    members[0].__cause__ = members[0]  # a circle ends
    without_ours(members[0], "nowhere")


def test_what_a_wrapper_raises_itself_is_shown() -> None:
    p = parts()
    with pytest.raises(TypeError) as caught:
        p["step"](p["seam"](None))  # type: ignore[operator]
    assert frames(without_ours(caught.value, __file__)) == ["step", "wrapper"]
