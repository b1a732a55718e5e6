"""Training: from labelled gait cycles to the model. Needs scikit-learn for the forest; everything else is numpy."""

from __future__ import annotations

import numpy as np

from .dataset import Dataset
from .features import NAMES, features
from .model import Classifier, Expert, Model, Trees

KINDS = ("walk", "run", "cycle", "stairs")

#: Condition -> kind. C08, C11 and C12 are named cycling, but their cycles have the waveform, the cadence (1.1 s) and
#: the flat cost (4.8 W/kg at 20, 80 and 150 W alike) of walking, so they are learnt as walking.
CONDITION_KIND = {
    **dict.fromkeys(("C02", "C03", "C04", "C14", "C15", "C08", "C11", "C12"), "walk"),
    **dict.fromkeys(("C05", "C06", "C07", "C16", "C17"), "run"),
    **dict.fromkeys(("C20", "C21"), "cycle"),
    **dict.fromkeys(("C18", "C19"), "stairs"),
}

#: Exponent of body mass: running and climbing lift the body, so they cost in proportion to its mass; walking, where
#: the resting rate is a large part, scales as metabolism does (Kleiber's 3/4); at a given load of the ergometer the
#: power does not depend on it.
MASS_EXPONENT = {"walk": 0.75, "run": 1.0, "cycle": 0.0, "stairs": 1.0}

CLASSIFIER_FEATURES = (
    "log_duration", "log_rms_x", "log_rms_y", "log_rms_z", "log_rate_rms_z", "skew_z", "positive_share_z",
    "log_amplitude_z1", "log_amplitude_z2", "log_amplitude_z3", "cosine_z2", "cosine_z3", "sine_z2", "sine_z3",
)  # fmt: skip
EXPERT_FEATURES = ("log_duration", "log_rms_z", "log_rate_rms_z")

CLASSIFIER_SHRINKAGE = 0.1
#: Candidates of the experts' ridge penalty; which one is chosen inside the training people alone.
PENALTIES = (3.0, 10.0, 30.0)
INNER_FOLDS = 6
#: A pair whose label contradicts its waveform this clearly (leave-people-out) is learnt as what it looks like.
RELABEL_CONFIDENCE = 0.9

TREES = 40
TREE_MASS_EXPONENT = 0.85
TREE_FEATURE_SHARE = 0.6
#: Smallest leaf, in cycles after augmentation.
TREE_LEAF = 15
CYCLES_PER_PAIR = 5
#: Rotated copies of every cycle, and the standard deviation of the rotation in degrees: what alignment leaves over.
ROTATED_COPIES = 2
ROTATION_DEGREES = 10.0


class FittingError(Exception):
    """The data cannot train a model; the text says why."""


def fit(dataset: Dataset, *, seed: int = 0, trees: int = TREES) -> Model:
    """Train the whole model on all rows of `dataset`; the same data and seed give the same model.

    Raises:
        FittingError: Too few people or kinds of movement, or scikit-learn is not installed.
    """
    table = _PairTable(dataset)
    if len(dataset.subjects) < 4:
        raise FittingError(f"training needs at least 4 people, the data hold {len(dataset.subjects)}")
    kinds = _clean_kinds(table)
    counts = np.bincount(kinds, minlength=len(KINDS))
    if counts.min() < 4:
        short = ", ".join(kind for kind, count in zip(KINDS, counts, strict=True) if count < 4)
        raise FittingError(f"training needs at least 4 (person, condition) pairs of every kind; too few of: {short}")
    classifier = _fit_classifier(dataset.features, kinds[dataset.pair])
    penalty = _choose_penalty(table, kinds)
    return Model(
        kinds=KINDS,
        classifier=classifier,
        experts=_fit_experts(table, kinds, penalty),
        trees=_fit_trees(dataset, seed, trees),
        templates=_templates(dataset, kinds),
        about={"penalty": penalty, "seed": seed, "trees": trees},
    )


class _PairTable:
    """Mean features and the measured rate of each (person, condition) pair, so that all pairs weigh alike."""

    def __init__(self, dataset: Dataset) -> None:
        count = np.bincount(dataset.pair).astype(float)
        total = np.zeros((len(count), len(NAMES)))
        np.add.at(total, dataset.pair, dataset.features)
        self.features = total / count[:, None]
        self.watts = np.bincount(dataset.pair, dataset.y) / count
        self.subject = np.array([subject for subject, _ in dataset.pairs])
        #: -1 where the condition is none that is known.
        self.kind = np.array([KINDS.index(CONDITION_KIND[c]) if c in CONDITION_KIND else -1 for _, c in dataset.pairs])


def _folds(subject: np.ndarray, count: int) -> list[np.ndarray]:
    """Masks of held-out pairs: people are dealt out in order of their names."""
    people = np.unique(subject)
    return [np.isin(subject, people[start :: min(count, len(people))]) for start in range(min(count, len(people)))]


def _clean_kinds(table: _PairTable) -> np.ndarray:
    """Kind of every pair, with labels corrected that the waveform clearly contradicts."""
    known = table.kind >= 0
    if len(np.unique(table.kind[known])) < len(KINDS):
        raise FittingError("training needs walking, running, cycling and stairs; the data lack at least one of them")
    kinds = table.kind.copy()
    for held in _folds(table.subject, INNER_FOLDS):
        learn = ~held & known
        if len(np.unique(table.kind[learn])) < len(KINDS):
            learn = known
        share = _fit_classifier(table.features[learn], table.kind[learn]).probabilities(table.features[held])
        sure = (share.max(axis=1) > RELABEL_CONFIDENCE) | ~known[held]
        kinds[held] = np.where(sure, share.argmax(axis=1), kinds[held])
    return kinds


def _fit_classifier(matrix: np.ndarray, kinds: np.ndarray) -> Classifier:
    columns = np.array([NAMES.index(name) for name in CLASSIFIER_FEATURES], dtype=np.intp)
    chosen = matrix[:, columns]
    mean, scale = chosen.mean(axis=0), chosen.std(axis=0) + 1e-9
    standard = (chosen - mean) / scale
    centres = np.array([standard[kinds == kind].mean(axis=0) for kind in range(len(KINDS))])
    residual = standard - centres[kinds]
    covariance = residual.T @ residual / len(residual)
    size = len(columns)
    shrunk = (1 - CLASSIFIER_SHRINKAGE) * covariance + CLASSIFIER_SHRINKAGE * np.trace(covariance) / size * np.eye(size)
    coefficients = np.linalg.solve(shrunk, centres.T)
    prior = np.bincount(kinds, minlength=len(KINDS)) / len(kinds)
    return Classifier(columns, mean, scale, coefficients, np.log(prior) - 0.5 * (centres.T * coefficients).sum(axis=0))


def _fit_experts(table: _PairTable, kinds: np.ndarray, penalty: float, among: np.ndarray | None = None) -> tuple[Expert, ...]:
    """One expert a kind, from the pairs in `among` (default: all)."""
    among = np.ones(len(kinds), dtype=bool) if among is None else among
    return tuple(
        _fit_expert(table.features[among & (kinds == kind)], table.watts[among & (kinds == kind)], name, penalty)
        for kind, name in enumerate(KINDS)
    )


def _fit_expert(matrix: np.ndarray, watts: np.ndarray, kind: str, penalty: float) -> Expert:
    """Least absolute percentage error of the rate, which is what is reported, with a ridge penalty, by reweighting."""
    columns = np.array([NAMES.index(name) for name in EXPERT_FEATURES], dtype=np.intp)
    chosen = matrix[:, columns]
    empty = Expert(columns, chosen.mean(axis=0), chosen.std(axis=0) + 1e-9, float(matrix[:, 0].mean()),
                   MASS_EXPONENT[kind], np.zeros(len(columns) + 2))  # fmt: skip
    design = empty.design(matrix)
    target = np.log(watts) - empty.mass_exponent * matrix[:, 0]
    # The intercept is free; log mass, whose spread is about 0.2, is held to its exponent a little.
    ridge = np.diag(np.r_[1e-6, 30.0 * 3.0, np.full(len(columns), penalty)])
    weight = np.ones(len(target))
    coefficients = empty.coefficients
    for _ in range(30):
        weighted = design * weight[:, None]
        coefficients = np.linalg.solve(weighted.T @ design + ridge, weighted.T @ target)
        residual = design @ coefficients - target
        # d|exp(r) - 1| / dr = exp(r) in size: an estimate too high by a factor costs more than one too low by it.
        weight = 0.1 * np.exp(np.clip(residual, -1.0, 1.0)) / np.maximum(0.03, np.abs(residual))
    return Expert(columns, empty.mean, empty.scale, empty.log_mass_mean, empty.mass_exponent, coefficients)


def _choose_penalty(table: _PairTable, kinds: np.ndarray) -> float:
    """The penalty with the least mean absolute percentage error over people left out inside the training data."""
    errors: list[float] = []
    for penalty in PENALTIES:
        error = np.zeros(len(kinds))
        for held in _folds(table.subject, INNER_FOLDS):
            if np.bincount(kinds[~held], minlength=len(KINDS)).min() < 2:
                continue
            experts = _fit_experts(table, kinds, penalty, ~held)
            log_watts = np.column_stack([expert.log_watts(table.features[held]) for expert in experts])
            chosen = log_watts[np.arange(held.sum()), kinds[held]]
            error[held] = np.abs(np.exp(chosen) / table.watts[held] - 1)
        errors.append(float(error.mean()))
    return PENALTIES[int(np.argmin(errors))]


def _fit_trees(dataset: Dataset, seed: int, count: int) -> Trees:
    try:
        from sklearn.ensemble import ExtraTreesRegressor
    except ImportError:
        raise FittingError("training needs scikit-learn: install the dependency group `training`") from None
    rows, weight = _even_rows(dataset)
    x, cycles = dataset.x[rows], dataset.cycles[rows]
    generator = np.random.default_rng(seed)
    copies = [cycles, *(_rotated(cycles, generator) for _ in range(ROTATED_COPIES))]
    matrix = np.concatenate([features(copy, x[:, 4], x[:, 2], x[:, 3]) for copy in copies])
    target = np.tile(np.log(dataset.y[rows]) - TREE_MASS_EXPONENT * np.log(x[:, 2]), len(copies))
    forest = ExtraTreesRegressor(
        count, min_samples_leaf=TREE_LEAF, max_features=TREE_FEATURE_SHARE, random_state=seed, n_jobs=1
    )
    forest.fit(matrix, target, sample_weight=np.tile(weight, len(copies)))
    return _flatten([estimator.tree_ for estimator in forest.estimators_])


def _even_rows(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Up to five cycles of each pair, evenly spread, and weights that make all pairs count alike."""
    rows: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    for index in range(len(dataset.pairs)):
        own = np.flatnonzero(dataset.pair == index)
        chosen = own[np.unique(np.linspace(0, len(own) - 1, CYCLES_PER_PAIR).round().astype(np.intp))]
        rows.append(chosen)
        weights.append(np.full(len(chosen), CYCLES_PER_PAIR / len(chosen)))
    return np.concatenate(rows), np.concatenate(weights)


def _rotated(cycles: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Each cycle turned by a small random rotation (Rodrigues' formula)."""
    vector = np.deg2rad(ROTATION_DEGREES) * generator.standard_normal((len(cycles), 3))
    angle = np.linalg.norm(vector, axis=1)[:, None, None]
    axis = vector[:, :, None] / np.maximum(angle, 1e-12)
    along = axis * (axis * cycles).sum(axis=1, keepdims=True)
    across = np.cross(np.broadcast_to(axis, cycles.shape), cycles, axis=1)
    return cycles * np.cos(angle) + across * np.sin(angle) + along * (1 - np.cos(angle))


def _flatten(trees: list[object]) -> Trees:
    """All trees one after the other, depth first, so that the left child is always the next node."""
    parts: dict[str, list[np.ndarray]] = {key: [] for key in ("feature", "threshold", "right", "value")}
    roots: list[int] = []
    offset = depth = 0
    for tree in trees:
        own = np.arange(tree.node_count)  # type: ignore[attr-defined]
        leaf = tree.children_left < 0  # type: ignore[attr-defined]
        roots.append(offset)
        parts["feature"].append(np.where(leaf, 0, tree.feature))  # type: ignore[attr-defined]
        parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))  # type: ignore[attr-defined]
        if not np.array_equal(tree.children_left[~leaf], own[~leaf] + 1):  # type: ignore[attr-defined]
            raise FittingError("this scikit-learn does not number its trees depth first, as the model file needs")
        parts["right"].append(np.where(leaf, own, tree.children_right) + offset)  # type: ignore[attr-defined]
        parts["value"].append(np.where(leaf, tree.value[:, 0, 0], 0.0))  # type: ignore[attr-defined]
        depth = max(depth, int(tree.max_depth))  # type: ignore[attr-defined]
        offset += len(own)
    joined = {key: np.concatenate(part) for key, part in parts.items()}
    return Trees(np.array(roots), **joined, mass_exponent=TREE_MASS_EXPONENT, depth=depth)


def _templates(dataset: Dataset, kinds: np.ndarray) -> np.ndarray:
    """Mean swing of each kind with unit norm, by which alignment tells forward from backward."""
    swing = dataset.cycles[:, 2]
    per_row = kinds[dataset.pair]
    means = np.array([swing[per_row == kind].mean(axis=0) for kind in range(len(KINDS))])
    means -= means.mean(axis=1, keepdims=True)
    return means / np.linalg.norm(means, axis=1, keepdims=True)
