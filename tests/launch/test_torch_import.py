"""The program's own import of torch is noticed, never made, and never changed.

Most of it is held with a small package of that name, which is found and loaded exactly as the real one is.
"""

import sys
from pathlib import Path

import pytest

from .processes import Driver, Same, outcome, written

FAKE = {
    "torch/__init__.py": "import sys\nprint('torch runs', file=sys.stderr)\nfrom . import nn\nready = True\n",
    "torch/nn/__init__.py": "import torch\nhalf = hasattr(torch, 'ready')\n",
    "torch/nn/functional.py": "def relu(x): return max(x, 0)\n",
}
TOLD = "def on_torch():\n    import torch\n    say('told', torch.ready)\n"

STYLES = {
    "plain": "import torch",
    "submodule": "import torch.nn.functional as F; F.relu(1)",
    "from a submodule": "from torch.nn.functional import relu",
    "in a function": "def f():\n    import torch\nf(); f()",
    "by name": "import importlib; importlib.import_module('torch.nn')",
    "looked for first": "import importlib.util as u\nassert u.find_spec('torch').name == 'torch'; import torch",
    "looked for inside": "import importlib.util as u\nassert u.find_spec('torch.nn.functional'); import torch",
    "from threads": """
import threading
def f(): import torch.nn; torch.ready
threads = [threading.Thread(target=f) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]""",
    "behind a finder of the program": """
import sys, importlib.machinery
class First:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.machinery.PathFinder.find_spec(name, path, target) if name != "torch" else None
sys.meta_path.insert(0, First)
import torch""",
    "loaded by hand": """
import importlib.util as u, sys
spec = u.find_spec("torch")
sys.modules["torch"] = module = u.module_from_spec(spec)
spec.loader.exec_module(module)""",
}


@pytest.mark.parametrize("style", STYLES)
def test_every_way_to_import_torch_is_noticed_once(tmp_path: Path, driver: Driver, style: str) -> None:
    written(tmp_path, FAKE)
    after = """
import sys
print([f for f in sys.meta_path if 'diagnose' in type(f).__module__], *vars(sys.modules['torch'].__loader__))"""
    seen = outcome(driver(STYLES[style] + after, TOLD), tmp_path)
    assert seen.stderr.decode().splitlines() == ["torch runs", "told True", "main end None", "end finished 0 None"]
    assert seen.stdout.decode() == "[] name path\n"  # nothing of ours is left in the machinery


def test_a_program_without_torch_is_left_alone(tmp_path: Path, driver: Driver) -> None:
    written(tmp_path, {**FAKE, "torch_utils.py": "", "mytorch/torch.py": ""})
    seen = outcome(driver("import torch_utils, mytorch.torch, sys; assert 'torch' not in sys.modules", TOLD), tmp_path)
    assert seen.stderr.decode().splitlines() == ["main end None", "end finished 0 None"]


def test_an_import_that_fails_may_be_tried_again(tmp_path: Path, driver: Driver) -> None:
    broken = "import os\nif not os.path.exists('installed'): raise ImportError('libtorch is missing')\nready = True\n"
    written(tmp_path, {"torch.py": broken})
    program = """
try: import torch
except ImportError as e: print(e)
open("installed", "w").close()
import torch
print(torch.ready)"""
    seen = outcome(driver(program, TOLD), tmp_path)
    assert seen.stdout == b"libtorch is missing\nTrue\n"
    assert seen.stderr.decode().splitlines() == ["told True", "main end None", "end finished 0 None"]


@pytest.mark.parametrize(
    "error", ["ImportError('libtorch is missing')", "OSError('undefined symbol')", "SystemExit(4)", "KeyboardInterrupt"]
)
def test_a_broken_torch_is_told_as_by_python(same: Same, error: str) -> None:
    files = {"torch/__init__.py": "from .deep import f\n", "torch/deep.py": f"def f(): raise {error}\nf()\n"}
    same({**files, "x.py": "def start():\n    import torch.nn\nstart()"}, "x.py")


def test_warnings_of_a_torch_import_keep_their_place(same: Same) -> None:
    files = {"torch.py": "import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=2)\nready = True\n"}
    assert b"x.py:2: DeprecationWarning: old" in same({**files, "x.py": "x = 1\nimport torch"}, "x.py").stderr


def test_a_failing_observer_does_not_break_the_program(tmp_path: Path, driver: Driver) -> None:
    written(tmp_path, FAKE)
    seen = outcome(driver("import torch; print(torch.ready)", "def on_torch(): raise ValueError('no\\nway')"), tmp_path)
    assert (seen.status, seen.stdout) == (0, b"True\n")
    assert b"diagnose: observing could not begin, the program goes on unobserved (ValueError: no way)\n" in seen.stderr


def test_ctrl_c_while_observing_begins_is_the_program_s(tmp_path: Path, driver: Driver) -> None:
    written(tmp_path, FAKE)
    seen = outcome(
        driver(
            "try: import torch\nexcept KeyboardInterrupt: print('caught')", "def on_torch(): raise KeyboardInterrupt"
        ),
        tmp_path,
    )
    assert (seen.status, seen.stdout) == (0, b"caught\n")


def test_a_torch_that_is_already_there_is_noticed_at_the_start(tmp_path: Path, driver: Driver) -> None:
    written(tmp_path, FAKE)
    seen = outcome(
        driver(
            "print('program')",
            f"sys.path.insert(0, {str(tmp_path)!r})\nimport torch\nstarted_with = frozenset(sys.modules)\n{TOLD}",
        ),
        tmp_path,
    )
    assert seen.stderr.decode().splitlines()[:2] == ["torch runs", "told True"]


def test_without_torch_nothing_heavy_is_imported(tmp_path: Path) -> None:
    listing = """
import sys
own = {*sys.stdlib_module_names, "sitecustomize"}  # which some systems' python brings along
print(sorted(m for m in sys.modules if '.' not in m and m not in own and m[0] != '_'))
"""
    written(tmp_path, {"x.py": listing, "heavy.py": "import jinja2, numpy\n" + listing})
    seen = outcome([sys.executable, "-m", "diagnose", "run", "-q", "x.py"], tmp_path)
    assert seen.stdout == b"['diagnose']\n"
    heavy = outcome([sys.executable, "-m", "diagnose", "run", "-q", "heavy.py"], tmp_path)
    assert b"'jinja2'" in heavy.stdout  # the listing does see such modules
    assert b"'numpy'" in heavy.stdout


TRAINING = """
import os, sys, warnings
del os.environ["OMP_NUM_THREADS"]
os.environ["OMP_NUM_THREADS"] = "1"
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

class Data(torch.utils.data.Dataset):
    def __len__(self): return 4
    def __getitem__(self, i): return torch.full((2,), float(i)), __name__ == "__mp_main__"

if __name__ == "__main__":
    print(torch.get_num_threads(), type(torch.__loader__).__name__, torch.__spec__.name)
    print(torch.__spec__.loader is torch.__loader__)
    torch.manual_seed(3)
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for x, y in DataLoader(TensorDataset(torch.randn(32, 2), torch.randn(32)), 8, shuffle=True):
        optimizer.zero_grad()
        F.mse_loss(net(x), y[:, None]).backward()
        optimizer.step()
    F.mse_loss(torch.zeros(2), torch.zeros(2, 1))
    print([p.tolist() for p in net.parameters()], torch.rand(3), torch.is_grad_enabled(), torch.get_default_dtype(),
          torch.are_deterministic_algorithms_enabled())
    for method in ("fork", "spawn"):
        for batch, spawned in DataLoader(Data(), 2, num_workers=1, multiprocessing_context=method):
            print(method, batch.tolist(), spawned.tolist(), flush=True)
    @torch.jit.script
    def twice(x: torch.Tensor): return x * 2
    print(twice(torch.ones(1)))
    raise ValueError("after training")
"""  # fmt: skip


def test_a_real_training_is_the_same(same: Same) -> None:
    seen = same({"train.py": TRAINING}, "train.py", recorded=True)
    assert seen.stdout.startswith(b"1 SourceFileLoader torch\nTrue\n")
    assert b"spawn [[0.0, 0.0], [1.0, 1.0]] [True, True]" in seen.stdout
    assert seen.stderr.count(b"UserWarning: Using a target size") == 1
    assert seen.stderr.endswith(b"ValueError: after training\n")


RAISING = """
import torch
import torch.nn.functional as F
w = torch.zeros(2, requires_grad=True)
def train():
    try:
        F.cross_entropy(w, torch.zeros(3))
    except (ValueError, RuntimeError) as error:
        (w * 2).backward()
train()
"""


def test_wrapped_functions_of_torch_are_not_seen_in_tracebacks(same: Same) -> None:
    seen = same({"train.py": RAISING}, "train.py", recorded=True)
    assert b"During handling of the above exception" in seen.stderr
    assert b"grad can be implicitly created only for scalar outputs" in seen.stderr


RANKS = """
import os, sys, torch, torch.distributed as dist
dist.init_process_group("gloo")
total = torch.ones(1) * (dist.get_rank() + 1)
dist.all_reduce(total)
open(f"rank{dist.get_rank()}", "w").write(f"{total.item()} {sys.argv[1:]} {__name__}")
dist.barrier()
dist.destroy_process_group()
sys.exit(4 if os.environ["RANK"] == "1" else 0)
"""


def test_torchrun_with_the_launcher_inside(tmp_path: Path) -> None:
    written(tmp_path, {"train.py": RANKS})
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    seen = outcome([*torchrun, "-m", "diagnose", "run", "-q", "train.py", "--lr", "1"], tmp_path)
    assert seen.status == 1  # torchrun's own, for a failed rank
    assert b"exitcode  : 4" in seen.stderr
    for rank in (0, 1):
        assert (tmp_path / f"rank{rank}").read_text() == "3.0 ['--lr', '1'] __main__"
