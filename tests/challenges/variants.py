"""Mechanical variants of the challenge programs: is the verdict one on the fault, or on a name, a width, a seed?

    python tests/challenges/variants.py [GLOB ...] [--wave NAME] [--change NAME ...] [--sound] [--jobs N]

Changes: names (all variables, functions, classes and submodules renamed), width (a hidden width 1.5 times as large), depth
(one more hidden layer of the same kind), batch (1.5 times as large), optimizer (its nearest relative), seed. A variant
that does not run to its end is left out; so is a change that the program has no place for. Prints cause@3 of the programs
as they are and of each change, on the same programs.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import keyword
import math
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from benchmark import judged
from check_soundness import variant as reseeded
from figures import Answer, answer, totals
from recorded import CACHE, Program, programs, recording, waves
from score import wilson

import diagnose

LAYERS = re.compile(r"Linear|Conv\d?d?|ConvTranspose\dd|BatchNorm\dd|LayerNorm|GroupNorm|LSTM|GRU|RNN|Embedding|GRUCell|LSTMCell")
WIDTHS = re.compile(r"hidden|width|units|dim|channels|features|embed|h$|d_model|size", re.I)
BATCHES = re.compile(r"^(batch|bs|batch_?size|b)$", re.I)
GROWTH = 1.5
RELATIVES = {"Adam": "NAdam", "AdamW": "Adam", "NAdam": "Adam", "RMSprop": "Adam", "RAdam": "Adam", "Adagrad": "Adam"}
KEPT = {"self", "cls", "main", "collate_fn"}


def called(node: ast.AST) -> str:
    """Last part of the name of what is called: "Linear" for nn.Linear(...)."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _number(node: ast.AST | None) -> int | None:
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def names(tree: ast.Module) -> Iterator[ast.Module]:
    """Every name that the program itself binds becomes another; keyword arguments and methods keep theirs."""
    taken = {n.arg for c in ast.walk(tree) if isinstance(c, ast.Call) for n in c.keywords}
    bound, submodules = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and "nn." in ast.unparse(node.value.func):
            submodules |= {t.attr for t in node.targets if isinstance(t, ast.Attribute) and ast.unparse(t.value) == "self"}
    functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    imported = {(a.asname or a.name).split(".")[0] for n in ast.walk(tree)
                if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}  # fmt: skip
    arguments = {a.arg for n in ast.walk(tree) if isinstance(n, ast.arguments) for a in [*n.args, *n.kwonlyargs]}
    unsafe = taken | imported | arguments | KEPT | set(dir(builtins)) | set(keyword.kwlist)
    fields = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    renamed = {n: f"q{i}_{n[::-1]}" for i, n in enumerate(sorted((bound | functions) - unsafe)) if not n.startswith("__")}
    parts = {n: f"part{i}" for i, n in enumerate(sorted(submodules - taken - renamed.keys()))}

    class Renamed(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return ast.copy_location(ast.Name(renamed.get(node.id, node.id), node.ctx), node)

        def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
            self.generic_visit(node)
            node.attr = parts.get(node.attr, node.attr)
            return node

        def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
            self.generic_visit(node)
            node.name = renamed.get(node.name, node.name)
            return node

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
            self.generic_visit(node)
            node.name = renamed.get(node.name, node.name) if node.name not in fields else node.name
            return node

        def visit_Global(self, node: ast.Global) -> ast.AST:
            node.names = [renamed.get(n, n) for n in node.names]
            return node

    yield Renamed().visit(tree)


def _replaced(tree: ast.Module, fits: Callable[[ast.AST, ast.AST], bool], old: int, new: int) -> ast.Module | None:
    """The tree with the literal `old` replaced in the nodes that fit (parent, literal); None where none did."""
    changed = 0
    for parent in ast.walk(tree):
        for child in ast.iter_child_nodes(parent):
            for node in [child, child.value] if isinstance(child, ast.keyword) else [child]:
                if _number(node) == old and fits(parent, child):
                    node.value = new
                    changed += 1
    return tree if changed else None


def width(tree: ast.Module) -> Iterator[ast.Module]:
    """A hidden width, wherever layers or names of widths give it."""
    found = []
    for node in ast.walk(tree):
        if LAYERS.fullmatch(called(node)) and len(node.args) > 1 and (_number(node.args[1]) or 0) >= 4:
            found.append(_number(node.args[1]))
        for name, value in _named(node):
            if WIDTHS.search(name) and (_number(value) or 0) >= 4:
                found.append(_number(value))
    text = ast.unparse(tree)

    def fits(parent: ast.AST, child: ast.AST) -> bool:
        if LAYERS.fullmatch(called(parent)):
            return True
        return any(WIDTHS.search(name) and (value is child or value is getattr(child, "value", 0)) for name, value in _named(parent))

    for old in sorted(set(found), key=found.count, reverse=True):
        grown = 4 * math.ceil(GROWTH * old / 4)
        changed = _replaced(ast.parse(text), fits, old, grown)
        if changed is not None:
            yield changed


def _named(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """(name, value) of assignments, defaults and keyword arguments."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from ((t.id, v) for t, v in zip(target.elts, node.value.elts, strict=False) if isinstance(t, ast.Name))
    elif isinstance(node, ast.arguments):
        yield from ((a.arg, v) for a, v in zip(node.args[len(node.args) - len(node.defaults) :], node.defaults, strict=True))
    elif isinstance(node, ast.Call):
        yield from ((k.arg, k.value) for k in node.keywords if k.arg)


def depth(tree: ast.Module) -> Iterator[ast.Module]:
    """One more Linear and activation behind the first hidden ones of a Sequential."""
    for node in ast.walk(tree):
        if called(node) != "Sequential":
            continue
        for i, (first, second) in enumerate(zip(node.args, node.args[1:], strict=False)):
            hidden = called(first) == "Linear" and called(second) not in ("Linear", "") and i + 2 < len(node.args)
            if hidden and len(first.args) == 2 and not second.args:
                out = ast.unparse(first.args[1])
                more = ast.parse(f"{ast.unparse(first.func)}({out}, {out}), {ast.unparse(second)}", mode="eval").body.elts
                node.args[i + 2 : i + 2] = more
                yield tree
                return


def batch(tree: ast.Module) -> Iterator[ast.Module]:
    """The batch size, in keyword arguments, names, ranges and slices."""
    text = ast.unparse(tree)
    found = [_number(v) for node in ast.walk(tree) for n, v in _named(node) if BATCHES.search(n) and _number(v)]
    found += [_number(n.args[1]) for n in ast.walk(tree) if called(n) == "DataLoader" and len(n.args) > 1]
    found += [_number(n.args[2]) for n in ast.walk(tree) if called(n) == "range" and len(n.args) == 3]
    found += [_number(n.args[0]) for n in ast.walk(tree) if called(n) == "split" and len(n.args) == 1]

    def fits(parent: ast.AST, child: ast.AST) -> bool:
        if any(BATCHES.search(name) and (value is child or value is getattr(child, "value", 0)) for name, value in _named(parent)):
            return True
        return called(parent) in ("DataLoader", "range", "split", "randint") or isinstance(parent, ast.BinOp)

    for old in dict.fromkeys(f for f in found if f):
        changed = _replaced(ast.parse(text), fits, old, math.ceil(GROWTH * old))
        if changed is not None:
            yield changed


def optimizer(tree: ast.Module) -> Iterator[ast.Module]:
    """The nearest relative: Adam and NAdam, SGD with Nesterov's momentum or with half the rate and momentum 0.5."""
    changed = False
    for node in ast.walk(tree):
        name = called(node)
        if name in RELATIVES:
            relative = RELATIVES[name]
            kept = [k for k in node.keywords if k.arg in ("lr", "weight_decay")]
            node.keywords = kept
            if isinstance(node.func, ast.Attribute):
                node.func.attr = relative
            else:
                node.func = ast.parse(f"__import__('torch').optim.{relative}", mode="eval").body
            changed = True
        elif name == "SGD":
            given = {k.arg: k for k in node.keywords}
            if "nesterov" in given:
                continue
            if "momentum" in given:
                if not isinstance(given["momentum"].value, ast.Constant) or not given["momentum"].value.value:
                    continue
                node.keywords.append(ast.keyword("nesterov", ast.Constant(True)))
            elif "lr" in given:
                given["lr"].value = ast.BinOp(given["lr"].value, ast.Mult(), ast.Constant(0.5))
                node.keywords.append(ast.keyword("momentum", ast.Constant(0.5)))
            else:
                continue
            changed = True
    if changed:
        yield tree


def seed(tree: ast.Module) -> Iterator[ast.Module]:
    """Every seed becomes another."""
    text = ast.unparse(tree)
    try:
        changed = reseeded(text, 5, 1)
    except ValueError:  # no single place gives the number of epochs: seeds alone matter here
        changed = re.sub(r"(manual_seed\(|\bseed ?= ?|\bSEED = |default_rng\(|random_state=|RandomState\()(\d+)",
                         lambda m: m[1] + str(10 * int(m[2]) + 5), text)  # fmt: skip
    if changed != text:
        yield ast.parse(changed)


CHANGES: dict[str, Callable[[ast.Module], Iterator[ast.Module]]] = {
    change.__name__: change for change in (names, width, depth, batch, optimizer, seed)
}


def varied(program: Program, change: str, *, stale: bool) -> Answer | None:
    """What is said of the program after one change; None where it cannot be changed so and still run."""
    place = CACHE.parent / "variants" / change / program.id / f"{program.kind}.py"
    for number, tree in enumerate(CHANGES[change](ast.parse(program.text))):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(ast.unparse(ast.fix_missing_locations(tree)))
        changed = replace(program, id=f"{program.id}+{change}", path=place)
        try:
            run = diagnose.load(recording(changed, stale=stale))
        except RuntimeError:  # not even a training began
            continue
        if run.state == "finished" and not run.exit_status:
            return answer(changed, diagnose.judge(run))
        if number >= 2:
            break
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", default=["*"])
    parser.add_argument("--wave")
    parser.add_argument("--change", nargs="*", default=list(CHANGES), choices=list(CHANGES))
    parser.add_argument("--sound", action="store_true", help="also the sound programs: do they stay silent")
    parser.add_argument("--stale", action="store_true", help="take older recordings of the same programs")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    wanted = [p for p in programs(options.only) if p.faulty or options.sound]
    if options.wave:
        wanted = [p for p in wanted if p.id in waves()[options.wave]["ids"]]
    plain = {(a.program.id, a.program.kind): a for a in judged(wanted, jobs=options.jobs, stale=options.stale)}
    print(f"{len(plain)} programs as they are: {_figures(list(plain.values()))}")
    everything: list[Answer] = []
    for change in options.change:
        with ThreadPoolExecutor(options.jobs) as pool:
            found = pool.map(lambda p, c=change: varied(p, c, stale=options.stale), wanted)
            answers = [a for a in found if a is not None]
        everything += answers
        same = [plain[a.program.id.partition("+")[0], a.program.kind] for a in answers]
        print(f"{change:10} on {len(answers):3}: {_figures(answers)}   (as they are: {_figures(same)})", flush=True)
        for a in answers:
            before = plain[a.program.id.partition("+")[0], a.program.kind]
            if a.mark != before.mark:
                print(f"    {a.program.id:40} {a.program.kind:6} {before.mark} -> {a.mark} {a.names or list(a.loud)}")
    by_program: dict[str, list[bool]] = defaultdict(list)
    for a in everything:
        if a.program.faulty:
            by_program[a.program.id.partition("+")[0]].append(a.named)
    hits = sum(map(sum, by_program.values()))
    print(f"all changes together: cause@3 {wilson(hits, sum(map(len, by_program.values())))}")
    return 0


def _figures(answers: list[Answer]) -> str:
    found = totals(answers)
    said = f"cause@3 {wilson(*found['cause@3'])}"
    return said + (f", alarms {wilson(*found['alarms'])}" if found["alarms"][1] else "")


if __name__ == "__main__":
    sys.exit(main())
