"""Small pieces of the launcher, without a process."""

import sys
from types import ModuleType

import pytest

from diagnose.errors import UsageError, one_line
from diagnose.launch import Target, advice, check, forget

ADVICE = [
    ("module", "torch.distributed.run --nnodes=2 train.py --x 1", "torchrun --nnodes=2 -m diagnose run train.py --x 1"),
    ("module", "torch.distributed.launch train.py", "torchrun -m diagnose run train.py"),
    ("path", "/usr/bin/torchrun --nnodes 1 -m pkg.train a", "torchrun --nnodes 1 -m diagnose run -m pkg.train a"),
    ("path", "torchrun", "torchrun [options] -m diagnose run train.py"),
    ("path", "accelerate launch --cpu train.py", "accelerate launch --cpu -m diagnose run train.py"),
    ("module", "accelerate.commands.launch train.py", "accelerate launch -m diagnose run train.py"),
    ("path", "bin/deepspeed --num_gpus=2 train.py", "deepspeed --num_gpus=2 --module diagnose run train.py"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "typed", "order"), ADVICE)
def test_a_launcher_as_target_gets_the_right_order(kind: str, typed: str, order: str) -> None:
    name, *arguments = typed.split()
    line = advice(Target(kind, name, tuple(arguments)))  # type: ignore[arg-type]
    assert line is not None
    assert line.endswith(f"put diagnose inside: {order}")
    assert "\n" not in line


@pytest.mark.parametrize("name", ["train.py", "torch", "my.torchrun.py", "torchrunner"])
def test_no_advice_for_an_ordinary_program(name: str) -> None:
    assert advice(Target("path", name)) is None
    assert advice(Target("module", name)) is None


def test_check_names_the_launcher_where_its_command_is_no_file() -> None:
    with pytest.raises(UsageError, match=r"can't open file '.*/torchrun': \[Errno 2\].*torchrun -m diagnose run x.py"):
        check(Target("path", "torchrun", ("x.py",)))


def test_errors_are_one_line() -> None:
    assert str(UsageError("a\n   b\tc ")) == "a b c"
    assert one_line("") == ""


def module(name: str, **attributes: object) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(attributes)
    return made


def test_forget_keeps_what_was_there_what_is_native_and_the_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    from importlib.machinery import ExtensionFileLoader

    native = ExtensionFileLoader("native_package._c", "_c.so")
    modules = {
        **{name: module(name) for name in ("early", "late", "late.sub", "diagnose", "diagnose.x", "__main__")},
        **{name: module(name) for name in ("textwrap", "colorsys")},
        "native_package": module("native_package"),
        "native_package._c": module("native_package._c", __loader__=native),
    }  # fmt: skip
    (tmp_path / "colorsys.py").write_text("")  # type: ignore[operator]
    monkeypatch.setattr(sys, "modules", dict(modules))
    forget({"early"}, str(tmp_path))
    left = sys.modules.keys()
    monkeypatch.undo()
    assert modules.keys() - left == {"late", "late.sub", "colorsys"}
