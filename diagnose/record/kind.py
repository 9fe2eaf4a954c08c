"""Decides the kind of a training, once, from losses, shapes, networks and optimizers, and says by which evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from diagnose.drawn_code import cut_code
from diagnose.record.adversarial import BINARY, QUANTITIES, against_each_other, values
from diagnose.run import Floats, InputSite, LossSite, Training

CLASSES = ("cross_entropy", "nll_loss", "multi_margin_loss")
PAIRS = ("triplet_margin_loss", "triplet_margin_with_distance_loss", "cosine_embedding_loss", "margin_ranking_loss",
         "hinge_embedding_loss")  # fmt: skip
LINEAR = ("addmm", "mm", "linear", "addmv", "mv")
ANSWERS = (*LINEAR, "convolution", "sigmoid", "tanh")  # what gives a reconstruction
DISTANCES = {"pairwise_distance", "linalg_vector_norm", "cdist", "cosine_similarity", "norm"}

Decision = Callable[[Training], str | None]


def decide_kind(training: Training) -> tuple[str, str]:
    """The kind and its evidence; "unknown" when no sign is clear."""
    for kind, decide in _DECISIONS:
        evidence = decide(training)
        if evidence:
            return kind, evidence
    return "unknown", "no loss function is known and no other sign was seen" if not _known(
        training
    ) else "no sign is clear"


# -- learning from one's own actions -------------------------------------------------------------------------------


def _reinforcement(training: Training) -> str | None:
    """Values of chosen actions regressed on changing targets, or log-probabilities weighted by something signed."""
    if _loader(training):
        return None  # learnt from a fixed data set
    picking = [site for site in training.training_losses if _picks(training, site)]
    if len(picking) == 1:
        site = picking[0]
        return (
            f"{site.function} on one of the {_outputs(training, site)} outputs of {site.layer}, picked for each sample"
        )
    loss = training.series("loss").finite()
    for site in training.training_losses:
        if site.function == "custom":
            paths = [edge.operations for edge in training.edges if edge.target == site.id]
            if any(_weighted_choice(path) for path in paths) and _both_signs(loss.values):
                return f"log-probabilities of choices are weighted, and the loss takes both signs at {site.id}"
        elif site.function in QUANTITIES and len(training.training_losses) == 1:
            rest = _rest(training, site)
            if len(rest) >= 20 and np.mean(rest < 0) > 0.2:
                often = f"{np.mean(rest < 0):.0%} of the steps"
                return f"{site.function} is a part of the loss, and the rest is below zero in {often}"
    return None


def _loader(training: Training) -> bool:
    data = training.facts.get("data")
    return isinstance(data, dict) and bool(data.get("loader"))


def _picks(training: Training, site: LossSite) -> bool:
    """Whether a regression takes one number a sample straight from a linear layer that gives several."""
    if site.function not in QUANTITIES or not site.input_shape or _numbers(site.input_shape) != 1:
        return False
    layer = training.layer(site.layer) if site.layer else None
    if layer is None or prod(layer.shape or ()) == site.input_shape[0]:
        return False  # all outputs, in one row
    return _outputs(training, site) > 1 and bool(site.operations) and site.operations[0] in LINEAR


def _outputs(training: Training, site: LossSite) -> int:
    layer = training.layer(site.layer) if site.layer else None
    if layer is None or layer.role != "linear" or len(layer.shape or ()) > 2:
        return 0
    return int(layer.settings.get("out_features") or (layer.shape or (0,))[-1])


def _rest(training: Training, site: LossSite) -> Floats:
    """What the loss holds besides a weighted known part, at each step."""
    loss, part = training.series("loss"), training.series("training_loss", site.id)
    _, left, right = np.intersect1d(loss.steps, part.steps, return_indices=True)
    with np.errstate(invalid="ignore"):  # a loss that ended infinite
        rest = loss.values[left] - (1.0 if site.weight is None else site.weight) * part.values[right]
    large = np.abs(rest) > 1e-4 * np.abs(loss.values[left])  # float32 sums
    return np.asarray(np.where(large, rest, 0.0)[np.isfinite(rest)])


def _weighted_choice(path: Sequence[str]) -> bool:
    """Forward: …, log softmax (or log), gather, …, mul."""
    picks = [i for i, name in enumerate(path) if name in ("gather", "index", "nll_loss")]
    logs = [i for i, name in enumerate(path) if name in ("log_softmax", "logsumexp", "log", "sub")]
    return any("mul" in path[i + 1 :] and any(j < i for j in logs) for i in picks)


def _both_signs(values: Floats) -> bool:
    """Whether a loss keeps crossing zero: a sign change every twentieth step and ten of them."""
    changes = int(np.count_nonzero(np.diff(np.sign(values[values != 0]))))
    return changes >= max(10, len(values) // 20)


# -- the prediction is the input -----------------------------------------------------------------------------------


def _vae(training: Training) -> str | None:
    """An autoencoder whose code is drawn: an exponential (the spread) times noise flows into the decoder."""
    copied = _autoencoder(training) or _symbols_again(training)
    copied = copied or _by_hand(training)
    cut = cut_code(training) if copied else None
    if cut is not None:
        return f"{copied}, and a code drawn by {cut.one.path} and {cut.other.path} goes into {cut.taker.path} without a gradient"
    if copied is None or not (_known(training) or _compares(training)):
        return None  # how a hand-written loss takes a drawn code is not known: a flow's looks the same
    exponentials = {layer.path for layer in training.layers if layer.activation == "exp"}
    losses = {site.id for site in training.losses}
    for edge in training.edges:
        operations = edge.operations
        after = operations[operations.index("exp") :] if "exp" in operations else operations
        drawn = "exp" in operations or edge.source in exponentials
        if drawn and {"mul", "addcmul"} & set(after) and edge.target not in losses:
            return f"{copied}, and a code drawn with a learnt spread flows into {edge.target}"
    return None


def _by_hand(training: Training) -> str | None:
    """A hand-written loss of outputs that have the shape of an input."""
    made = next((layer for layer in reversed(training.layers) if layer.shape is not None), None)
    if made is None or not training.training_losses or _known(training):
        return None
    given = next((one for one in training.inputs if one.shape == made.shape and _numbers(one.shape) > 1), None)
    return None if given is None else f"{made.path} has the shape of the input {given.id}"


def _compares(training: Training) -> bool:
    """Whether a hand-written loss squares, or takes the size of, what a layer gives less something of the same shape."""
    for site in training.training_losses:
        for (outer, shape), (minus, width), (made, last) in zip(site.shapes, site.shapes[1:], site.shapes[2:], strict=False):
            whole = len(shape) > 1 and tuple(shape) == tuple(width) == tuple(last)
            if whole and outer in ("pow", "abs", "mul") and minus == "sub" and made in ANSWERS:
                return True
    return False


def _autoencoder(training: Training) -> str | None:
    """The target has the shape and the statistics of an input of the network, batch by batch."""
    for site in training.training_losses:
        if site.function not in (*QUANTITIES, *BINARY) or not site.target_shape:
            continue
        for given in training.inputs:
            if _numbers(site.target_shape) == _numbers(given.shape) > 1 and _same_statistics(training, site, given):
                return f"the target of {site.function} equals the input {given.id}"
    return None


def _symbols_again(training: Training) -> str | None:
    """The classes that are to be told are the symbols of an input, each at its place."""
    for site in training.training_losses:
        for given in training.inputs if site.function in CLASSES and site.target_shape else ():
            if prod(site.target_shape or ()) == prod(given.shape) and _same_statistics(training, site, given):
                return f"the target of {site.function} equals the input {given.id}"
    return None


def _numbers(shape: Sequence[int]) -> int:
    """Numbers a sample."""
    return prod(shape[1:]) if len(shape) > 1 else 1


def _same_statistics(training: Training, site: LossSite, given: InputSite) -> bool:
    compared = 0
    for name in ("mean", "std", "min", "max"):
        target, inputs = training.series(f"loss_target_{name}", site.id), training.series(f"input_{name}", given.id)
        steps, left, right = np.intersect1d(target.steps, inputs.steps, return_indices=True)
        if not len(steps):
            continue
        a, b = target.values[left], inputs.values[right]
        spread = max(float(np.nanmax(np.abs(np.concatenate([a, b])))), 1e-12)
        if not np.median(np.abs(a - b)) <= 1e-4 * spread:
            return False
        compared += 1
    return compared >= 3


# -- by the loss ---------------------------------------------------------------------------------------------------


def _distillation(training: Training) -> str | None:
    for site in training.training_losses:
        shape = site.target_shape or ()
        student = "log_softmax" in site.operations[:3] or len(training.training_losses) > 1
        if site.function == "kl_div" and len(shape) >= 2 and shape[-1] > 1 and student:
            return f"kl_div towards another distribution over {shape[-1]} classes at {site.id}"
    return None


def _contrastive(training: Training) -> str | None:
    for site in training.training_losses:
        if site.function in PAIRS:
            return f"{site.function} at {site.id}"
        if site.function == "cross_entropy" and site.input_shape and len(site.input_shape) == 2:
            counts = training.series("class_count", site.id).finite().values
            square = site.input_shape[0] == site.input_shape[1] > 1
            if square and counts.ndim == 2 and len(counts) and bool(np.all(counts == 1)):
                return f"cross_entropy over the {site.input_shape[0]} pairs of a batch at {site.id}"
        if site.function == "custom":
            twice = any("#" in place for place in training.places("output_mean"))
            seen = {name for edge in training.edges if edge.target == site.id for name in edge.operations}
            seen |= {name for name, _ in site.shapes} | set(site.operations)
            if twice and DISTANCES & seen:
                return f"a loss of distances between outputs of one network at {site.id}"
    return None


def _language(training: Training) -> str | None:
    vocabularies = {
        int(layer.settings["num_embeddings"])
        for layer in training.layers
        if layer.role == "embedding" and "num_embeddings" in layer.settings
    }
    for site in training.training_losses:
        if site.function in CLASSES and _classes(site) in vocabularies and _classes(site) > 2:
            return f"{site.function} over the {_classes(site)} symbols that the embedding takes"
    return None


def _segmentation(training: Training) -> str | None:
    for site in training.training_losses:
        target = site.target_shape or ()
        if site.function in CLASSES and len(site.input_shape or ()) >= 4 and len(target) >= 3 and min(target[-2:]) > 1:
            return f"{site.function} over the {target[-2]}x{target[-1]} positions of an image"
        if site.function in BINARY and len(target) >= 4 and min(target[-2:]) > 1:
            return f"{site.function} over the {target[-2]}x{target[-1]} positions of an image"
    return None


def _binary(training: Training) -> str | None:
    for site in training.training_losses:
        if site.function in BINARY and _numbers(site.target_shape or site.input_shape or (1,)) == 1:
            return f"{site.function} on one output"
        if site.function in CLASSES and _classes(site) == 2:
            return f"{site.function} over 2 classes"
        if site.function in QUANTITIES and _labels(training, site) == 2:
            return f"{site.function} on targets that are 0 or 1"
    return None


def _classification(training: Training) -> str | None:
    for site in training.training_losses:
        if site.function in CLASSES:
            return f"{site.function} over {_classes(site) or 'unknown'} classes"
        if site.function in (*BINARY, *QUANTITIES) and _labels(training, site) > 2:
            return f"{site.function} on {_labels(training, site)} outputs of which one is right"
    return None


def _multi_label(training: Training) -> str | None:
    for site in training.training_losses:
        if site.function in (*BINARY, "multilabel_margin_loss") and _numbers(site.target_shape or (1,)) > 1:
            return f"{site.function} on {_numbers(site.target_shape or (1,))} outputs"
    return None


def _regression(training: Training) -> str | None:
    for site in training.training_losses:
        if site.function in QUANTITIES:
            return f"{site.function} at {site.id}"
    return None


def _labels(training: Training, site: LossSite) -> int:
    """Number of classes when targets are 0 and 1: 2 for one output, C for one-hot rows of C, 0 for anything else."""
    integer = values(training, "loss_target_integer_share", site)
    low, high = values(training, "loss_target_min", site), values(training, "loss_target_max", site)
    mean = values(training, "loss_target_mean", site)
    if not len(integer) or not len(mean) or integer.min() < 1 or low.min() < 0 or high.max() != 1:
        return 0
    outputs = _numbers(site.target_shape or (1,))
    if outputs == 1:
        return 2 if low.min() == 0 else 0
    one_hot = bool(np.all(np.abs(mean * outputs - 1) < 1e-4))
    return outputs if one_hot and len(site.target_shape or ()) == 2 else 0


def _classes(site: LossSite) -> int:
    shape = site.input_shape or ()
    return shape[1] if len(shape) > 1 else (shape[0] if shape else 0)


def _known(training: Training) -> bool:
    return any(site.function != "custom" for site in training.training_losses)


_DECISIONS: tuple[tuple[str, Decision], ...] = (
    ("gan", against_each_other),
    ("reinforcement", _reinforcement),
    ("vae", _vae),
    ("autoencoder", _autoencoder),
    ("distillation", _distillation),
    ("contrastive", _contrastive),
    ("language", _language),
    ("segmentation", _segmentation),
    ("binary-classification", _binary),
    ("classification", _classification),
    ("multi-label", _multi_label),
    ("regression", _regression),
)
