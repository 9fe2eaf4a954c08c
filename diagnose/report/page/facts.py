"""With what, where and how the run was made, and what the page holds."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

import diagnose
from diagnose.finding import Diagnosis
from diagnose.report.words import count, number, plain
from diagnose.run import Run, Training

OWN = {"journal", "pid", "pid_started", "started_at", "ended_at", "settings", "overhead", "command", "versions", "rank",
       "world", "redactions"}  # fmt: skip  # shown elsewhere, or of no use to a reader
NAMES = {"cwd": "folder", "source": "lines of code kept", "samples": "samples kept", "git_commit": "git commit",
         "threads": "threads of torch"}  # fmt: skip
SHOWN_ELSEWHERE = (
    "data", "train_again", "train_repeats", "train_same", "network_types", "reaches", "streams", "threads", "uncounted_operations",
)  # fmt: skip
DEEPEST = 3


def facts(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """Of the run, as pairs of words."""
    run = diagnosis.run
    told = [
        ("program", " ".join(map(plain, map(shlex.quote, (run.program, *run.arguments))))),
        ("started", plain(run.started)), ("took", f"{number(run.seconds)} s"),
        ("ended", plain(run.state) + (f", status {run.exit_status}" if run.exit_status is not None else "")),
    ]  # fmt: skip
    command = run.facts.get("command")
    if isinstance(command, list | tuple):
        words = [word for entry in map(str, command) for word in (entry.split(" ", 1) if entry.startswith("-m ") else [entry])]
        told.append(("command", plain(shlex.join((*words, *run.arguments)))))
    versions = run.facts.get("versions")
    if isinstance(versions, Mapping):
        told.append(("versions", ", ".join(f"{plain(name)} {plain(version)}" for name, version in versions.items())))
    told += [(NAMES.get(key, plain(key).replace("_", " ")), text) for key, value in run.facts.items() if key not in OWN
             for text in [_words(value)] if text]  # fmt: skip
    if run.ranks > 1:
        told.append(("processes", str(run.ranks)))
    told += [("cost of watching", text) for text in [_overhead(run)] if text]
    told.append(("run", plain(run.path)))
    told.append(("page made by", f"diagnose {diagnose.__version__}"))
    return told


def hyperparameters(training: Training) -> list[tuple[str, str]]:
    """Optimizers with their settings, and what else steers the training."""
    told = [
        (f"optimizer {plain(one.type)}", _words(one.settings) + (f" ({plain(one.source)})" if one.source else ""))
        for one in training.optimizers
    ]
    for key, value in training.facts.items():
        if key not in SHOWN_ELSEWHERE:
            text = _seed(value) if key == "seed" else _words(value)
            if text:
                told.append((plain(key).replace("_", " "), text))
    for site in training.losses:
        given = {key: value for key, value in site.arguments.items() if value is not None}
        told.append((f"{site.role} loss", f"{plain(site.id)}{': ' + _words(given) if given else ''}"))
    return told


def _seed(value: object) -> str:
    """What the program seeded torch with; torch draws larger numbers than a person writes."""
    told = plain(value)
    return f"{told} (drawn by torch, not set)" if told.isdecimal() and int(told) >= 2**32 else told


def thresholds(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """Settings that differ from the defaults."""
    return [(plain(rule), _words(values)) for rule, values in diagnosis.settings.items() if _words(values)]


def contents(diagnosis: Diagnosis, lines_shown: int) -> list[str]:
    """What of the user's own things the page holds, for someone who wants to pass it on."""
    run = diagnosis.run
    told = ["names of modules, losses and files", "the command line and the folder of the program",
            "figures about data, gradients and outputs", _samples(run)]  # fmt: skip
    told.append(f"{count(lines_shown, 'line')} of the program" if lines_shown else "no line of the program")
    hidden = run.facts.get("redactions")
    if hidden:
        told.append(f"hidden: {_words(hidden)}")
    return told


def _samples(run: Run) -> str:
    kept = sum(bool(s.inputs) for t in run.trainings for e in t.explanations for s in e.samples)
    return f"{count(kept, 'sample')} of the data, to show what the network looks at" if kept else "no sample of the data"


def _overhead(run: Run) -> str:
    overhead = run.facts.get("overhead")
    if not isinstance(overhead, Mapping) or not isinstance(overhead.get("fraction"), int | float):
        return ""
    told = f"{overhead['fraction']:.1%} of the time in training"
    if isinstance(overhead.get("once_seconds"), int | float):
        told += f" and {number(float(overhead['once_seconds']), 2)} s once"
    if isinstance(overhead.get("snapshots"), int):
        told += f", {count(overhead['snapshots'], 'snapshot')}"
    return told


def _words(value: object, depth: int = 0) -> str:
    if value is None or value == {} or value == []:
        return ""
    if isinstance(value, Mapping):
        if depth >= DEEPEST:
            return "…"
        parts = ((plain(key).replace("_", " "), _words(entry, depth + 1)) for key, entry in value.items())
        return ", ".join(f"{key} {text}" for key, text in parts if text)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(float(value))
    if isinstance(value, list | tuple | set):
        return ", ".join(_some(list(value), depth))
    return plain(value)


def _some(values: list[object], depth: int, most: int = 12) -> Iterator[str]:
    yield from (_words(value, depth + 1) for value in values[:most])
    if len(values) > most:
        yield f"and {len(values) - most:,} more"
