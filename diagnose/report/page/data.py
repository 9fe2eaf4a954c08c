"""What went in: ranges, classes, order, splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from diagnose.report.page.svg import bar
from diagnose.report.words import count, number, plain
from diagnose.run import Training

MOST_CLASSES = 30  # drawn as bars; the rest are counted
MOST_FEATURES = 8  # those with the widest and the narrowest ranges


@dataclass(frozen=True)
class Table:
    """A table with its caption."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | Markup, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Data:
    """Of one training."""

    figures: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]


def data(training: Training) -> Data:
    """As far as it was recorded."""
    tables = [_inputs(training), *_features(training), *_classes(training), _targets(training), _splits(training)]
    return Data(tuple(_figures(training)), tuple(table for table in tables if table is not None and table.rows))


def _figures(training: Training) -> list[tuple[str, str]]:
    told = []
    facts = training.facts.get("data")
    loader = facts.get("loader") if isinstance(facts, Mapping) else None
    if isinstance(loader, Mapping):
        size = loader.get("dataset_size")
        if isinstance(size, int):
            told.append(("training data", f"{count(size, 'sample')} in {plain(loader.get('dataset') or 'a data set')}"))
        if loader.get("batch_size") is not None:
            told.append(("batches", f"of {plain(loader['batch_size'])}, {plain(loader.get('workers') or 0)} workers"))
        shuffle = loader.get("shuffle")
        words = {True: "shuffled", False: "not shuffled"}.get(shuffle, "unknown") if shuffle is not None else "unknown"
        told.append(("order", f"{words} ({plain(loader.get('sampler') or 'own sampler')})"))
    repeats = training.facts.get("train_repeats")
    if isinstance(repeats, int | float):
        told.append(("repeated within an epoch", f"{repeats:.1%} of the samples"))
    for site in training.training_losses:
        series = training.series("label_repeat_share", site.id).finite()
        if len(series):
            share = f"{float(series.values.mean()):.1%} in a batch ({plain(site.id)})"
            told.append(("neighbours of the same class", share))
    return told


def _inputs(training: Training) -> Table | None:
    rows = []
    for site in training.inputs:
        found = [training.series(f"input_{name}", site.id).measured().values for name in ("mean", "std", "min", "max")]
        if not all(map(len, found)):
            rows.append((plain(site.id), " × ".join(map(str, site.shape)), plain(site.dtype), "", "", "", ""))
            continue
        mean, std, low, high = found
        broken = training.series("input_non_finite_share", site.id).measured().values
        rows.append((
            plain(site.id), " × ".join(map(str, site.shape)), plain(site.dtype), number(float(np.nanmedian(mean))),
            number(float(np.nanmedian(std))), f"{number(float(np.nanmin(low)))} … {number(float(np.nanmax(high)))}",
            f"{float(broken.max()):.1%}" if len(broken) and broken.max() > 0 else "none",
        ))  # fmt: skip
    head = ("input", "shape", "type", "mean", "std", "range", "not finite")
    numeric = any("float" in site.dtype for site in training.inputs)
    return Table("Inputs", head, tuple(rows), "Usual are mean 0 and standard deviation (std) 1." if numeric else "")


def _features(training: Training) -> list[Table]:
    tables = []
    for site in training.inputs:
        mean, std = (training.series(f"feature_{name}", site.id) for name in ("mean", "std"))
        low, high = (training.series(f"feature_{name}", site.id) for name in ("min", "max"))
        if mean.values.ndim != 2 or not len(mean) or mean.values.shape[1] < 2 or "int" in site.dtype:
            continue
        with np.errstate(all="ignore"):
            columns = (np.nanmedian(mean.values, 0), np.nanmedian(std.values, 0), np.nanmin(low.values, 0),
                       np.nanmax(high.values, 0))  # fmt: skip
        order = np.argsort(-np.nan_to_num(columns[1], posinf=1e308), kind="stable")
        amount = len(order)
        half = MOST_FEATURES // 2
        chosen = list(order) if amount <= MOST_FEATURES else [*order[:half], *order[-half:]]
        rows = tuple((str(int(f)), *(number(float(column[f])) for column in columns)) for f in chosen)
        note = "" if amount <= MOST_FEATURES else f"The {half} widest and the {half} narrowest of {amount:,}."
        head = ("column", "mean", "std", "lowest", "highest")
        tables.append(Table(f"Columns of {plain(site.id)}", head, rows, note))
    return tables


def _classes(training: Training) -> list[Table]:
    tables = []
    for site in training.training_losses:
        series = training.series("class_count", site.id)
        if series.values.ndim != 2 or not len(series):
            continue
        counts = np.nansum(series.values, axis=0)
        total = counts.sum()
        if not total > 0:
            continue
        rows = tuple(
            (str(label), number(float(amount)), f"{amount / total:.1%}",
             bar([("c0", float(amount / counts.max()))], f"class {label}: {amount / total:.1%}"))
            for label, amount in enumerate(counts[:MOST_CLASSES])
        )  # fmt: skip
        note = f"In the {len(series):,} batches that were looked at."
        if len(counts) > MOST_CLASSES:
            note += f" The first {MOST_CLASSES} of {len(counts):,} classes."
        tables.append(Table(f"Classes at {plain(site.id)}", ("class", "samples", "share", "drawn"), rows, note))
    return tables


def _targets(training: Training) -> Table | None:
    rows = []
    for site in training.training_losses:
        for what in ("input", "target"):
            names = [f"loss_{what}_{name}" for name in ("mean", "std", "min", "max")]
            found = [training.series(name, site.id).measured().values for name in names]
            if all(map(len, found)):
                mean, std, low, high = found
                spread = f"{number(float(np.nanmin(low)))} … {number(float(np.nanmax(high)))}"
                side = {"input": "prediction", "target": "target"}[what]
                middle = (number(float(np.nanmedian(values))) for values in (mean, std))
                rows.append((plain(site.id), side, *middle, spread))
    return Table("What the loss compares", ("loss", "side", "mean", "std", "range"), tuple(rows))


def _splits(training: Training) -> Table | None:
    rows = []
    for one in training.evaluations:
        samples = number(float(np.nanmedian(one.samples))) if np.isfinite(one.samples).any() else "unknown"
        same = "unknown" if one.same_data is None else f"{one.same_data:.0%}"
        modes = "in training mode" if one.training_layers else "in evaluation mode" if one.evaluation_layers else "none"
        rows.append((plain(one.name), f"{len(one):,}", samples, same, modes))
    head = ("evaluated on", "passes", "samples", "also in the training data", "dropout, normalisation")
    return Table("Splits", head, tuple(rows))
