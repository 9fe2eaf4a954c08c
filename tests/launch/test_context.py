"""The program finds itself in the same place as under plain python."""

import py_compile
import sys
import zipfile
from pathlib import Path

import pytest

from .processes import Same, outcome, written

# everything that a program can ask about where it is, except the frames below it
CONTEXT = '''"""A docstring of its own."""
from __future__ import annotations
MAIN = dict(globals())
import sys
ARGV, PATH = list(sys.argv), list(sys.path)
import gc, inspect, linecache, locale, multiprocessing, os, pickle, signal, threading, warnings
class Own: pass
def own(): return 1
def shown(value):
    return value if isinstance(value, (str, dict, list, type(None))) and value is not MAIN else type(value).__name__
spec = MAIN["__spec__"]
main = sys.modules["__main__"]
for name, value in {
    "names": list(MAIN), "values": {k: shown(v) for k, v in MAIN.items()},
    "annotations": MAIN["__annotations__"], "builtins is the module": MAIN["__builtins__"] is __import__("builtins"),
    "spec": spec and (spec.name, spec.origin, spec.parent, spec.cached, spec.has_location, type(spec.loader).__name__),
    "loader": getattr(__loader__, "name", None), "same loader": spec and spec.loader is __loader__,
    "source by loader": __loader__.get_source(getattr(spec, "name", "__main__"))[:20],
    "main": (main.__name__, main.__dict__ is globals(), type(main).__name__, main.__doc__, repr(main)),
    "argv": (ARGV, sys.argv), "path": PATH, "cwd": os.getcwd(), "code": own.__code__.co_filename,
    "source": inspect.getsource(own), "line": linecache.getline(__file__, 1), "file": inspect.getfile(own),
    "flags": tuple(sys.flags), "limit": sys.getrecursionlimit(), "interval": sys.getswitchinterval(),
    "hooks": (sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__,
              sys.unraisablehook is sys.__unraisablehook__, threading.excepthook is threading.__excepthook__),
    "trace": (sys.gettrace(), sys.getprofile(), threading.gettrace()), "threads": len(threading.enumerate()),
    "streams": [(type(s).__name__, s is o, s.encoding, s.errors, s.line_buffering, s.write_through, s.fileno())
                for s, o in [(sys.stdin, sys.__stdin__), (sys.stdout, sys.__stdout__), (sys.stderr, sys.__stderr__)]],
    "signals": {s.name: str(signal.getsignal(s)) for s in signal.Signals if s.name != "SIGINT"},
    "sigint": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    "start method": multiprocessing.get_start_method(allow_none=True), "warnings": warnings.filters,
    "locale": locale.setlocale(locale.LC_ALL), "gc": (gc.isenabled(), gc.get_threshold()),
    "environment": sorted(os.environ),
    "pickled": pickle.loads(pickle.dumps(Own())).__class__ is Own, "module": (Own.__module__, Own.__qualname__),
    "others": sorted({m.partition(".")[0] for m in sys.modules} - set(sys.stdlib_module_names) - {"diagnose"}),
    "stray": [m for m in ("click", "rich", "numpy", "matplotlib", "jinja2", "torch", "argparse") if m in sys.modules],
    "debug": __debug__,
}.items():
    print(name, "=", value)
'''
PACKAGE = {"pkg/__init__.py": "", "pkg/other.py": "name = __name__\n"}
RELATIVE = CONTEXT + "from . import other; print(other.name, __package__)\n"
NAMESPACE = {"space/part/mod.py": CONTEXT, "space/part/other.py": "name = __name__\n"}


def zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / "app.zip", "w") as archive:
        archive.writestr("__main__.py", CONTEXT.replace("inspect.getsource(own)", "None") + "import beside\n")
        archive.writestr("beside.py", "print(__file__)\n")


def linked(folder: Path) -> None:
    (folder / "links").mkdir()
    (folder / "links/x.py").symlink_to(folder / "far/x.py")


TARGETS = {
    "script": ({"x.py": CONTEXT}, ("x.py",), {}),
    "script written with a dot": ({"x.py": CONTEXT}, ("./x.py",), {}),
    "far script": ({"far/x.py": CONTEXT, "near/keep": ""}, ("../far/x.py",), {"inside": "near"}),
    "script without suffix": ({"train": CONTEXT}, ("train",), {}),
    "linked script": ({"far/x.py": CONTEXT}, ("links/x.py",), {"prepare": linked}),
    "folder": ({"app/__main__.py": CONTEXT + "import beside\n", "app/beside.py": "print(__file__)\n"}, ("app",), {}),
    "folder with a slash": ({"app/__main__.py": CONTEXT}, ("./app/",), {}),
    "zip": ({"keep": ""}, ("app.zip",), {"prepare": zipped}),
    "module": ({"mod.py": CONTEXT}, ("-m", "mod"), {}),
    "module in a package": ({**PACKAGE, "pkg/mod.py": RELATIVE}, ("-m", "pkg.mod"), {}),
    "package": ({**PACKAGE, "pkg/__main__.py": RELATIVE}, ("-m", "pkg"), {}),
    "module in a namespace package": (NAMESPACE, ("-m", "space.part.mod"), {}),
    "safe path, script": ({"x.py": CONTEXT}, ("x.py",), {"env": {"PYTHONSAFEPATH": "1"}}),
    "safe path, folder": ({"app/__main__.py": CONTEXT}, ("app",), {"flags": ("-P",)}),
    "safe path, module not found": ({"mod.py": CONTEXT}, ("-m", "mod"), {"flags": ("-P",)}),
    "isolated": ({"x.py": CONTEXT}, ("x.py",), {"flags": ("-I",)}),
    "optimized": ({"x.py": CONTEXT + "assert False\n"}, ("x.py",), {"flags": ("-OO",)}),
    "developer mode, warnings are errors": (
        {"x.py": CONTEXT},
        ("x.py",),
        {"flags": ("-X", "dev", "-W", "error", "-u")},
    ),
    "program called torch_utils.py": ({"torch_utils.py": CONTEXT}, ("torch_utils.py",), {}),
}


@pytest.mark.parametrize("target", TARGETS)
def test_every_kind_of_target_finds_what_it_finds_under_python(same: Same, target: str) -> None:
    files, command, options = TARGETS[target]
    seen = same(files, *command, "--lr", "1", "--help", "--", "-q", "-o", "x y", **options)
    if target != "safe path, module not found":
        assert seen.status == 0
        assert b"'--lr', '1', '--help', '--', '-q', '-o', 'x y'" in seen.stdout


@pytest.mark.parametrize("target", ["linked script", "zip", "module in a package", "isolated"])
def test_it_finds_the_same_while_a_run_is_recorded(same: Same, target: str) -> None:
    files, command, options = TARGETS[target]
    assert same(files, *command, recorded=True, **options).status == 0


NOT_STARTED = {
    "module not found": ({}, ("-m", "nosuch.module")),
    "package without __main__": (PACKAGE, ("-m", "pkg")),
    "relative module": ({}, ("-m", ".pkg")),
    "module with suffix": ({"mod.py": ""}, ("-m", "mod.py")),
    "parent package fails": ({"pkg/__init__.py": "1/0\n", "pkg/mod.py": ""}, ("-m", "pkg.mod")),
    "folder without __main__": ({"app/keep": ""}, ("app",)),
    "module imported by its parent": (
        {"pkg/__init__.py": "import pkg.mod\n", "pkg/mod.py": "print(__name__)\n"}, ("-m", "pkg.mod")
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_STARTED)
def test_what_cannot_be_started_is_told_in_the_words_of_python(same: Same, case: str) -> None:
    files, command = NOT_STARTED[case]
    assert same({"keep": "", **files}, *command).stderr


SOURCES = {
    "carriage returns": b"print('a')\r\nprint('''b\r\nc''')\r\n",
    "byte order mark": b"\xef\xbb\xbfprint('\xc3\xa9')\n",
    "latin-1 with a cookie": b"# -*- coding: latin-1 -*-\nprint(ascii('\xe9'))\n",
    "latin-1 without": b"x = 1\n# caf\xe9\nprint(x)\n",
    "unknown encoding": b"# coding: nosuch\nprint(1)\n",
    "syntax error": b"def f():\n    return = 1\n",
    "indentation": b"if 1:\nprint(1)\n",
    "unclosed": b"print((1,\n",
    "empty": b"",
    "no last line end": b"print(1)",
    "future imports do not leak in": b"def f(x: undefined): pass\n",
}
if sys.version_info >= (3, 11, 4):  # before, python itself read on behind one, which its own compile() refused
    SOURCES["zero byte"] = b"x = 1\ny\0 = 2\n"


@pytest.mark.parametrize("case", SOURCES)
def test_source_is_read_as_python_reads_it(same: Same, case: str) -> None:
    same({"x.py": SOURCES[case]}, "x.py", env={"PYTHONIOENCODING": "utf-8"})


def test_compiled_file_runs(same: Same) -> None:
    def compiled(folder: Path) -> None:
        py_compile.compile(str(folder / "x.py"), str(folder / "x.pyc"), doraise=True)

    seen = same({"x.py": "print(__file__, __cached__, type(__loader__).__name__)\n"}, "x.pyc", prepare=compiled)
    assert b"SourcelessFileLoader" in seen.stdout


def test_own_modules_are_not_shadowed_by_what_the_command_line_imported(same: Same) -> None:
    names = ("click", "rich", "gettext", "uuid", "inspect", "platform", "pkgutil", "textwrap", "diagnostics")
    files = {f"{name}.py": f"print('own {name}', __file__)\n" for name in names}
    seen = same({**files, "x.py": "".join(f"import {name}\n" for name in names)}, "x.py")
    assert seen.stdout.count(b"own ") == len(names)


def test_a_missing_file_gives_one_line_and_the_status_of_python(tmp_path: Path) -> None:
    plain = outcome([sys.executable, "nosuch.py"], tmp_path)
    ours = outcome([sys.executable, "-m", "diagnose", "run", "nosuch.py"], tmp_path)
    assert (ours.status, ours.stdout) == (plain.status, plain.stdout) == (2, b"")
    assert ours.stderr == plain.stderr.replace(sys.executable.encode(), b"diagnose")


@pytest.mark.parametrize("name", ["diagnose.py", "click.py", "x.py"])
def test_the_installed_command_runs_a_program_of_any_name(tmp_path: Path, name: str) -> None:
    written(tmp_path, {f"src/{name}": CONTEXT})
    plain = outcome([sys.executable, f"src/{name}", "a"], tmp_path)
    ours = outcome([str(Path(sys.executable).with_name("diagnose")), "run", "-q", f"src/{name}", "a"], tmp_path)
    assert plain.status == 0
    assert ours == plain
