"""Classic mistakes put into sound programs by machine: is the mistake named in a program that nobody wrote for it?

    python tests/challenges/mutants.py [GLOB ...] [--wave NAME] [--mistake NAME ...] [--each N] [--jobs N]

Each mistake is one change to the program's text, as in mutation testing of deep learning (Humbatova et al. 2021, DeepCrime,
https://doi.org/10.1145/3460319.3464825). A change need not do harm: a mutant counts as faulty where what it prints is worse
than what the program printed before (its last validation loss by a fifth, or no number at all). A mistake that is not one of
learning but of cost or of measuring (`COSTS`) counts wherever it could be made. Prints, for each mistake, how often its
cause was among the first three, how often anything was said, and what was said of those that did no harm.
"""

from __future__ import annotations

import argparse
import ast
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from check_soundness import EPOCHS, LINE
from figures import Answer, answer
from recorded import CACHE, Program, digest, programs, recording, waves
from score import wilson
from variants import called

import diagnose

WORSE = 1.2  # of the validation loss
ACTIVATIONS = ("ReLU", "Tanh", "GELU", "SiLU", "LeakyReLU", "ELU", "Sigmoid")
NORMS = ("BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm")


@dataclass(frozen=True)
class Mistake:
    """A change, the causes that name it, and its symptoms."""

    change: Callable[[ast.Module], bool]
    expect: tuple[str, ...]
    accept: tuple[str, ...] = ()


MISTAKES: dict[str, Mistake] = {}
COSTS = ("kept-losses", "no-eval", "batch-of-one")


def mistake(name: str, expect: str, accept: str = "") -> Callable[[Callable[[ast.Module], bool]], Callable[[ast.Module], bool]]:
    def take(change: Callable[[ast.Module], bool]) -> Callable[[ast.Module], bool]:
        MISTAKES[name] = Mistake(change, tuple(expect.split()), tuple(accept.split()))
        return change

    return take


def _calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in names:
            yield node


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _drop(tree: ast.Module, fits: Callable[[ast.Call], bool]) -> bool:
    """Statements that are nothing but such a call become `pass`."""
    changed = False
    for parent in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(parent, field, None)
            if not isinstance(block, list):
                continue
            for i, statement in enumerate(block):
                if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and fits(statement.value):
                    block[i] = ast.Pass()
                    changed = True
    return changed


def _optimizers(tree: ast.Module) -> list[ast.Call]:
    known = ("SGD", "Adam", "AdamW", "RMSprop", "NAdam", "Adagrad", "RAdam", "Adadelta")
    return [call for call in _calls(tree, *known) if call.args]


def _rate(tree: ast.Module, times: float) -> bool:
    changed = False
    for call in _optimizers(tree):
        given = next((k for k in call.keywords if k.arg == "lr"), None)
        if given is not None:
            given.value = ast.BinOp(given.value, ast.Mult(), ast.Constant(times))
        elif len(call.args) > 1:
            call.args[1] = ast.BinOp(call.args[1], ast.Mult(), ast.Constant(times))
        elif called(call) != "SGD":
            call.keywords.append(ast.keyword("lr", ast.Constant(1e-3 * times)))
        else:
            continue
        changed = True
    return changed


def _losses(tree: ast.Module, module: str, function: str) -> list[ast.Call]:
    """Calls of a loss, by function or by a module that has a name."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(True for _ in _calls(node.value, module)):
            names |= {t.id if isinstance(t, ast.Name) else getattr(t, "attr", "") for t in node.targets}
    found = list(_calls(tree, function)) + list(_calls(tree, *(names - {""})))
    found += [c for c in ast.walk(tree) if isinstance(c, ast.Call) and isinstance(c.func, ast.Call) and called(c.func) == module]
    return [c for c in found if len(c.args) >= 2]


def _wrap(calls: list[ast.Call], text: str) -> bool:
    """The first argument x of these calls becomes `text`, which holds an X."""
    for call in calls:
        call.args[0] = _expression(text.replace("X", f"({ast.unparse(call.args[0])})"))
    return bool(calls)


def _before_optimizer(tree: ast.Module, text: str) -> bool:
    """A line before each optimizer is made; P stands for its parameters."""
    changed = False
    for parent in ast.walk(tree):
        block = getattr(parent, "body", None)
        if not isinstance(block, list):
            continue
        for i in reversed(range(len(block))):
            if not isinstance(block[i], ast.Assign | ast.Return | ast.Expr):
                continue
            for call in _optimizers(ast.Module([block[i]], [])):
                if called(call.args[0]) == "parameters":
                    block[i:i] = ast.parse(text.replace("P", ast.unparse(call.args[0]))).body
                    changed = True
    return changed


@mistake("no-zero-grad", "missing-zero-grad", "learning-rate-too-high exploding-gradients diverging-loss loss-not-decreasing")
def no_zero_grad(tree: ast.Module) -> bool:
    return _drop(tree, lambda call: called(call) == "zero_grad")


HOT = (
    "diverging-loss non-finite-values exploding-gradients loss-not-decreasing dead-units saturated-activations "
    "constant-output oscillating-loss"
)


@mistake("rate-100", "learning-rate-too-high", HOT)
def rate_100(tree: ast.Module) -> bool:
    return _rate(tree, 100.0)


@mistake("rate-1000", "learning-rate-too-high", HOT)
def rate_1000(tree: ast.Module) -> bool:
    return _rate(tree, 1000.0)


@mistake("rate-0.001", "learning-rate-too-low", "stopped-too-early underfitting loss-not-decreasing")
def rate_thousandth(tree: ast.Module) -> bool:
    return _rate(tree, 0.001)


@mistake("rate-0.01", "learning-rate-too-low stopped-too-early", "underfitting loss-not-decreasing")
def rate_hundredth(tree: ast.Module) -> bool:
    return _rate(tree, 0.01)


@mistake("no-activation", "missing-activation", "underfitting loss-not-decreasing")
def no_activation(tree: ast.Module) -> bool:
    changed = False
    for call in _calls(tree, *ACTIVATIONS):
        call.func, call.args, call.keywords, changed = _expression("torch.nn.Identity"), [], [], True
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for i, child in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(child, ast.Call) and called(child) in ("relu", "gelu", "silu", "leaky_relu", "elu"):
                    inner = child.args[0] if child.args else child.func.value  # type: ignore[attr-defined]
                    if isinstance(value, list):
                        value[i] = inner
                    else:
                        setattr(parent, field, inner)
                    changed = True
    return changed


@mistake("sigmoids", "vanishing-gradients saturated-activations poor-initialization",
         "learning-rate-too-low loss-not-decreasing constant-output underfitting stopped-too-early")  # fmt: skip
def sigmoids(tree: ast.Module) -> bool:
    calls = list(_calls(tree, *ACTIVATIONS))
    for call in calls:
        call.func, call.args, call.keywords = _expression("torch.nn.Sigmoid"), [], []
    return len(calls) > 2


@mistake("softmax-twice", "softmax-before-cross-entropy", "learning-rate-too-low underfitting loss-not-decreasing")
def softmax_twice(tree: ast.Module) -> bool:
    return _wrap(_losses(tree, "CrossEntropyLoss", "cross_entropy"), "torch.softmax(X, 1)")


@mistake("sigmoid-twice", "sigmoid-before-bce-with-logits", "loss-not-decreasing underfitting")
def sigmoid_twice(tree: ast.Module) -> bool:
    return _wrap(_losses(tree, "BCEWithLogitsLoss", "binary_cross_entropy_with_logits"), "torch.sigmoid(X)")


@mistake("relu-output", "wrong-output-activation", "dead-units constant-output loss-not-decreasing underfitting vanishing-gradients")
def relu_output(tree: ast.Module) -> bool:
    return _wrap(_losses(tree, "MSELoss", "mse_loss"), "torch.relu(X)")


@mistake("relu-logits", "wrong-output-activation dead-units", "constant-output loss-not-decreasing underfitting vanishing-gradients")
def relu_logits(tree: ast.Module) -> bool:
    return _wrap(_losses(tree, "CrossEntropyLoss", "cross_entropy"), "torch.relu(X)")


@mistake("tanh-output", "wrong-output-activation", "saturated-activations constant-output loss-not-decreasing underfitting unscaled-targets")
def tanh_output(tree: ast.Module) -> bool:
    return _wrap(_losses(tree, "MSELoss", "mse_loss"), "torch.tanh(X)")


@mistake("sigmoid-logits", "wrong-output-activation", "learning-rate-too-low underfitting loss-not-decreasing stopped-too-early")
def sigmoid_logits(tree: ast.Module) -> bool:
    return _wrap(_losses(tree, "CrossEntropyLoss", "cross_entropy"), "torch.sigmoid(X)")


@mistake("column", "loss-shape-broadcast", "constant-output loss-not-decreasing underfitting")
def column(tree: ast.Module) -> bool:
    return _wrap(_losses(tree, "MSELoss", "mse_loss"), "(lambda a: a.unsqueeze(-1) if a.dim() == 1 else a)(X)")


@mistake("zeros", "symmetric-initialization", "constant-output dead-units loss-not-decreasing vanishing-gradients poor-initialization")
def zeros(tree: ast.Module) -> bool:
    return _before_optimizer(tree, "for _p in P:\n    torch.nn.init.zeros_(_p)")


@mistake("constant", "symmetric-initialization", "constant-output dead-units loss-not-decreasing poor-initialization")
def constant(tree: ast.Module) -> bool:
    return _before_optimizer(tree, "for _p in P:\n    torch.nn.init.constant_(_p, 0.1)")


@mistake("normal-1", "poor-initialization", "exploding-gradients saturated-activations wrong-initial-loss dead-units non-finite-values")
def normal_1(tree: ast.Module) -> bool:
    return _before_optimizer(tree, "for _p in P:\n    torch.nn.init.normal_(_p) if _p.dim() > 1 else None")


@mistake("normal-tiny", "poor-initialization vanishing-gradients symmetric-initialization", "constant-output loss-not-decreasing")
def normal_tiny(tree: ast.Module) -> bool:
    return _before_optimizer(tree, "for _p in P:\n    torch.nn.init.normal_(_p, 0, 1e-4) if _p.dim() > 1 else None")


@mistake("part-of-parameters", "parameters-not-in-optimizer", "underfitting loss-not-decreasing")
def part_of_parameters(tree: ast.Module) -> bool:
    changed = False
    for call in _optimizers(tree):
        if called(call.args[0]) == "parameters":
            call.args[0] = _expression(f"list({ast.unparse(call.args[0])})[-2:]")
            changed = True
    return changed


@mistake("never-steps", "parameters-not-in-optimizer loss-not-decreasing learning-rate-too-low", "constant-output")
def never_steps(tree: ast.Module) -> bool:
    return _rate(tree, 0.0)


@mistake("no-step", "missing-optimizer-step", "loss-not-decreasing constant-output")
def no_step(tree: ast.Module) -> bool:
    """Gradients are computed and thrown away."""
    names = {t.id for node in ast.walk(tree) if isinstance(node, ast.Assign) and _optimizers(ast.Module([node], []))
             for t in node.targets if isinstance(t, ast.Name)}  # fmt: skip
    return _drop(tree, lambda call: called(call) == "step" and ast.unparse(call.func).rpartition(".")[0] in names)


@mistake("schedule-per-batch", "schedule-collapsed", "learning-rate-too-low stopped-too-early underfitting loss-not-decreasing")
def schedule_per_batch(tree: ast.Module) -> bool:
    """A schedule that was made for epochs is stepped after every batch."""
    made = {t.id for node in ast.walk(tree) if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)
            and any(True for _ in _calls(node.value, "StepLR", "ExponentialLR", "MultiStepLR", "CosineAnnealingLR", "LinearLR"))}  # fmt: skip
    if not made or not _drop(tree, lambda call: called(call) == "step" and ast.unparse(call.func).rpartition(".")[0] in made):
        return False
    changed = False
    for parent in ast.walk(tree):
        block = getattr(parent, "body", None)
        for i, statement in reversed(list(enumerate(block if isinstance(block, list) else []))):
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and called(statement.value) == "step":
                block[i + 1 : i + 1] = ast.parse(f"{sorted(made)[0]}.step()").body
                changed = True
    return changed


@mistake("ascent", "diverging-loss", "learning-rate-too-high exploding-gradients non-finite-values")
def ascent(tree: ast.Module) -> bool:
    """The sign of the loss is wrong."""
    changed = False
    for call in _calls(tree, "backward"):
        if isinstance(call.func, ast.Attribute) and not call.args:
            call.func.value, changed = ast.UnaryOp(ast.USub(), call.func.value), True
    return changed


@mistake("sorted-data", "unshuffled-data", "oscillating-loss overfitting underfitting suspicious-validation")
def sorted_data(tree: ast.Module) -> bool:
    """Samples stand class by class, and nobody shuffles them."""
    sets, loaders = [c for c in _calls(tree, "TensorDataset") if len(c.args) == 2], 0
    for call in sets:
        x, y = (f"({ast.unparse(argument)})" for argument in call.args)
        order = f"({y}.argsort() if {y}.dim() == 1 else torch.arange(len({y})))"
        call.args = [_expression(f"{x}[{order}]"), _expression(f"{y}[{order}]")]
    for call in _calls(tree, "DataLoader"):
        for keyword in call.keywords:
            if keyword.arg == "shuffle" and sets:
                keyword.value, loaders = ast.Constant(False), loaders + 1
    return loaders > 0


@mistake("raw-inputs", "unnormalized-inputs", "dead-units saturated-activations exploding-gradients learning-rate-too-high wrong-initial-loss")
def raw_inputs(tree: ast.Module) -> bool:
    changed = False
    for call in _calls(tree, "TensorDataset"):
        if len(call.args) == 2:
            first = ast.unparse(call.args[0])
            call.args[0] = _expression(f"(lambda a: a * 300 + 1000 if a.is_floating_point() else a)({first})")
            changed = True
    return changed


@mistake("raw-targets", "unscaled-targets", "exploding-gradients learning-rate-too-low loss-not-decreasing underfitting wrong-initial-loss")
def raw_targets(tree: ast.Module) -> bool:
    if not _losses(tree, "MSELoss", "mse_loss"):
        return False
    changed = False
    for call in _calls(tree, "TensorDataset"):
        if len(call.args) == 2:
            second = ast.unparse(call.args[1])
            call.args[1] = _expression(f"(lambda a: a * 2000 + 5000 if a.is_floating_point() else a)({second})")
            changed = True
    return changed


@mistake("shuffled-labels", "loss-not-decreasing overfitting underfitting too-little-data", "constant-output suspicious-validation")
def shuffled_labels(tree: ast.Module) -> bool:
    changed = False
    for call in _calls(tree, "TensorDataset"):
        if len(call.args) == 2:
            second = ast.unparse(call.args[1])
            call.args[1] = _expression(f"(lambda a: a[torch.randperm(len(a))])({second})")
            changed = True
    return changed


@mistake("no-eval", "evaluation-in-training-mode")
def no_eval(tree: ast.Module) -> bool:
    depends = any(True for _ in _calls(tree, "Dropout", "Dropout2d", "BatchNorm1d", "BatchNorm2d", "TransformerEncoderLayer"))
    return depends and _drop(tree, lambda call: called(call) == "eval" and not call.args)


@mistake("never-train", "training-in-evaluation-mode", "overfitting overtraining")
def never_train(tree: ast.Module) -> bool:
    depends = any(True for _ in _calls(tree, "Dropout", "Dropout2d", "BatchNorm1d", "BatchNorm2d"))
    return depends and _drop(tree, lambda call: called(call) == "train" and not call.args)


@mistake("batch-of-one", "batch-norm-small-batch tiny-batches", "learning-rate-too-high loss-not-decreasing oscillating-loss non-finite-values")
def batch_of_one(tree: ast.Module) -> bool:
    changed = False
    for call in _calls(tree, "DataLoader"):
        if any(k.arg == "shuffle" for k in call.keywords):
            size = next((k for k in call.keywords if k.arg == "batch_size"), None)
            if size is not None:
                size.value = ast.Constant(2)
                changed = True
            elif len(call.args) > 1:
                call.args[1] = ast.Constant(2)
                changed = True
    return changed


@mistake("kept-losses", "accumulated-graph memory-growth")
def kept_losses(tree: ast.Module) -> bool:
    changed = False
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign):
            for item in _calls(node.value, "item"):
                if isinstance(item.func, ast.Attribute) and ast.unparse(item.func.value) == "loss":
                    node.value = _expression(ast.unparse(node.value).replace("loss.item()", "loss"))
                    changed = True
                    break
    return changed


@mistake("decay-10", "overwhelming-regularization", "constant-output loss-not-decreasing underfitting dead-units vanishing-gradients")
def decay_10(tree: ast.Module) -> bool:
    for call in _optimizers(tree):
        call.keywords = [k for k in call.keywords if k.arg != "weight_decay"] + [ast.keyword("weight_decay", ast.Constant(3.0))]
    return bool(_optimizers(tree))


@mistake("dropout-0.95", "dropout-too-strong overwhelming-regularization", "underfitting loss-not-decreasing constant-output")
def dropout_95(tree: ast.Module) -> bool:
    calls = list(_calls(tree, "Dropout", "Dropout2d"))
    for call in calls:
        call.args, call.keywords = [ast.Constant(0.95)], []
    return bool(calls)


@mistake("clipped-away", "clipping-too-hard", "learning-rate-too-low stopped-too-early underfitting loss-not-decreasing")
def clipped_away(tree: ast.Module) -> bool:
    calls = [c for c in _calls(tree, "clip_grad_norm_") if len(c.args) > 1]
    for call in calls:
        call.args[1] = ast.Constant(1e-3)
    return bool(calls)


@mistake("eighth-of-epochs", "stopped-too-early", "underfitting learning-rate-too-low")
def eighth_of_epochs(tree: ast.Module) -> bool:
    text, found = EPOCHS.subn(lambda m: m[1] + str(max(1, int(m[2]) // 8)), ast.unparse(tree).replace("'", '"'))
    if found != 1:
        return False
    tree.body = ast.parse(text).body
    return True


@mistake("no-backward-through", "unused-parameters parameters-not-in-optimizer", "underfitting loss-not-decreasing missing-activation")
def detached(tree: ast.Module) -> bool:
    """The first activation of a Sequential loses the graph."""
    for node in _calls(tree, "Sequential"):
        for i, part in enumerate(node.args):
            if i and called(part) in ACTIVATIONS:
                node.args[i] = _expression(
                    "type('Step', (torch.nn.Module,), {'forward': lambda self, x: torch.relu(x).detach()})()"
                )
                return i + 1 < len(node.args)
    return False


def made(program: Program, name: str) -> Path | None:
    """Where the program with this mistake is written; None where it has no place for it."""
    tree = ast.parse(program.text)
    try:
        if not MISTAKES[name].change(tree):
            return None
    except SyntaxError:
        return None
    text = ast.unparse(ast.fix_missing_locations(tree))
    if "import torch\n" not in text:
        text = "import torch\n" + text if "from __future__" not in text else text
    if text == program.text:
        return None
    place = CACHE.parent / "mutants" / name / program.id / "faulty.py"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def printed(path: Path, place: Path) -> list[float] | None:
    """The validation losses that a program prints, kept at `place`; None where it fails."""
    text = digest(path.read_text())
    if place.exists() and place.read_text().startswith(text):
        words = place.read_text().split()[1:]
        return None if words == ["failed"] else [float(w) for w in words]
    with tempfile.TemporaryDirectory() as room:
        done = subprocess.run([sys.executable, "-W", "ignore", str(path)], capture_output=True, text=True, timeout=300, cwd=room,
                              env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    found = None if done.returncode else [float(value) for value in LINE.findall(done.stdout)]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(" ".join([text, *(["failed"] if found is None else map(repr, found))]))
    return found


def harmed(sound: list[float], mutant: list[float]) -> bool:
    """Whether the mutant is worse off."""
    last, before = mutant[-1], sound[-1]
    if not math.isfinite(last):
        return True
    if before > 0:
        return last > WORSE * before
    return last - before > (WORSE - 1) * max(max(sound) - min(sound), 1e-9)


def judged(program: Program, name: str) -> tuple[Answer, bool] | None:
    """What is said of a mutant, and whether the mistake does harm; None where it cannot be made or does not run."""
    place = made(program, name)
    if place is None:
        return None
    kind = MISTAKES[name]
    label = {"expect": list(kind.expect), "accept": list(kind.accept)}
    changed = replace(program, id=f"{program.id}+{name}", kind="faulty", path=place, label=label)
    try:
        after = printed(place, place.with_suffix(".printed"))
        before = printed(program.path, CACHE.parent / "mutants" / "sound" / f"{program.id}.printed")
        if not after or not before:
            return None
        run = diagnose.load(recording(changed, stale=True))
    except (RuntimeError, subprocess.TimeoutExpired):
        return None
    return answer(changed, diagnose.judge(run)), name in COSTS or harmed(before, after)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", default=["*"])
    parser.add_argument("--wave")
    parser.add_argument("--mistake", nargs="*", default=list(MISTAKES), choices=list(MISTAKES))
    parser.add_argument("--each", type=int, default=6, help="mutants of each mistake")
    parser.add_argument("--seed", type=int, default=0, help="which programs are drawn")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    wanted = [p for p in programs(options.only) if not p.faulty]
    if options.wave:
        wanted = [p for p in wanted if p.id in waves()[options.wave]["ids"]]
    everything: list[Answer] = []
    for name in options.mistake:
        drawn = random.Random(f"{name}{options.seed}").sample(wanted, len(wanted))
        places = [p for p in drawn if LINE.search(p.text) is not None or "val loss" in p.text]
        fitting = [p for p in places if made(p, name) is not None][: options.each]
        with ThreadPoolExecutor(options.jobs) as pool:
            found = [one for one in pool.map(lambda p, n=name: judged(p, n), fitting) if one is not None]
        bad = [a for a, harm in found if harm]
        idle = [a for a, harm in found if not harm]
        everything += bad
        named, said = sum(a.named for a in bad), sum(bool(a.names) for a in bad)
        loud = sum(bool(a.names) for a in idle)
        print(f"{name:20} harmful {len(bad):2}: cause {named:2}, anything {said:2}; harmless {len(idle):2}, loud {loud:2}", flush=True)
        for a in bad:
            if not a.named:
                print(f"    {a.mark:8} {a.program.id:50} {a.names}", flush=True)
        for a in idle:
            if set(a.names) - a.expect - a.accept:
                print(f"    harmless {a.program.id:50} {a.names}", flush=True)
    print(f"all: cause@3 {wilson(sum(a.named for a in everything), len(everything))}, "
          f"detected {wilson(sum(bool(a.names) for a in everything), len(everything))}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
