"""Training: from labelled gait cycles to the model. The forest needs scikit-learn; all else is numpy."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .dataset import Dataset
from .features import NAMES, features
from .model import Classifier, Expert, Model, Trees

KINDS = ("walk", "run", "cycle", "stairs")

#: Condition -> kind. C08, C11 and C12 are named cycling, but their cycles have the waveform, the cadence
#: (1.1 s) and the flat cost (4.8 W/kg at 20, 80 and 150 W alike) of walking, so they are learnt as walking.
CONDITION_KIND = {
    **dict.fromkeys(("C02", "C03", "C04", "C14", "C15", "C08", "C11", "C12"), "walk"),
    **dict.fromkeys(("C05", "C06", "C07", "C16", "C17"), "run"),
    **dict.fromkeys(("C20", "C21"), "cycle"),
    **dict.fromkeys(("C18", "C19"), "stairs"),
}

CLASSIFIER_FEATURES = (
    "log_duration", "log_rms_x", "log_rms_y", "log_rms_z", "log_rate_rms_z", "skew_z", "positive_share_z",
    "log_amplitude_z1", "log_amplitude_z2", "log_amplitude_z3",
    "cosine_z2", "cosine_z3", "sine_z2", "sine_z3",
)  # fmt: skip
CLASSIFIER_SHRINKAGE = 0.1
#: What an expert may be; which, is chosen for each kind inside the training people alone (`_choose`).
#: Exponents of body mass: a body that carries itself spends in proportion to its mass or, as metabolism
#: scales, to its power of 3/4; at a given load of an ergometer the power hardly depends on it.
EXPONENTS = {"walk": (0.75, 1.0), "run": (0.75, 1.0), "cycle": (0.0, 0.5), "stairs": (0.75, 1.0)}
_SWING = ("log_duration", "log_rms_z", "log_rate_rms_z")
EXPERT_FEATURES = (_SWING, (*_SWING, "log_height"))
#: Ridge penalties on the standardised features.
PENALTIES = (3.0, 10.0, 30.0)
#: Ridge penalty on log mass, whose spread is about 0.2: it holds the exponent near the chosen one.
MASS_PENALTY = 90.0
INNER_FOLDS = 6
REWEIGHTINGS = 30
#: A pair whose label contradicts its waveform this clearly (leave-people-out) is learnt as its waveform.
RELABEL_CONFIDENCE = 0.9

TREES = 40
TREE_MASS_EXPONENT = 0.85
TREE_FEATURE_SHARE = 0.6
#: Smallest leaf, in cycles after augmentation: as many as one pair has.
TREE_LEAF = 15
CYCLES_PER_PAIR = 5
#: Rotated copies of every cycle, and the standard deviation of the rotation in degrees, as alignment leaves.
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
    chosen = {kind: _choose(table, kinds == number, kind) for number, kind in enumerate(KINDS)}
    return Model(
        kinds=KINDS,
        classifier=classifier,
        experts=tuple(_fit_expert(table, kinds == number, chosen[kind]) for number, kind in enumerate(KINDS)),
        trees=_fit_trees(dataset, seed, trees),
        templates=_templates(dataset, kinds),
        about={"experts": {kind: vars(form) for kind, form in chosen.items()}, "seed": seed, "trees": trees},
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


@dataclass(frozen=True)
class _Form:
    """What one expert is: its exponent of body mass, its features and its ridge penalty."""

    mass_exponent: float
    features: tuple[str, ...]
    penalty: float


def _choose(table: _PairTable, own: np.ndarray, kind: str) -> _Form:
    """The form with the least mean absolute percentage error over people left out inside the data."""
    forms = [_Form(*form) for form in itertools.product(EXPONENTS[kind], EXPERT_FEATURES, PENALTIES)]
    errors: list[float] = []
    for form in forms:
        error: list[np.ndarray] = []
        for held in _folds(table.subject, INNER_FOLDS):
            learn, test = own & ~held, own & held
            if learn.sum() >= 3 and test.any():
                log_watts = _fit_expert(table, learn, form).log_watts(table.features[test])
                error.append(np.abs(np.exp(log_watts) / table.watts[test] - 1))
        errors.append(float(np.concatenate(error).mean()) if error else np.inf)
    return forms[int(np.argmin(errors))]


def _fit_expert(table: _PairTable, own: np.ndarray, form: _Form) -> Expert:
    """Least absolute percentage error (what is reported) with a ridge penalty, by reweighting."""
    matrix, watts = table.features[own], table.watts[own]
    columns = np.array([NAMES.index(name) for name in form.features], dtype=np.intp)
    chosen = matrix[:, columns]
    scale = chosen.std(axis=0) + 1e-9
    coefficients = np.zeros(len(columns) + 2)
    expert = Expert(columns, chosen.mean(axis=0), scale, float(matrix[:, 0].mean()), form.mass_exponent, coefficients)
    design = expert.design(matrix)
    target = np.log(watts) - form.mass_exponent * matrix[:, 0]
    # The intercept is free.
    ridge = np.diag(np.r_[1e-6, MASS_PENALTY, np.full(len(columns), form.penalty)])
    weight = np.ones(len(target))
    for _ in range(REWEIGHTINGS):
        weighted = design * weight[:, None]
        coefficients = np.linalg.solve(weighted.T @ design + ridge, weighted.T @ target)
        residual = design @ coefficients - target
        # d|exp(r) - 1| / dr = exp(r) in size: too high by a factor costs more than too low by it.
        weight = 0.1 * np.exp(np.clip(residual, -1.0, 1.0)) / np.maximum(0.03, np.abs(residual))
    return replace(expert, coefficients=coefficients)


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


def _flatten(trees: list[Any]) -> Trees:
    """All trees one after the other, depth first, so that the left child is always the next node."""
    parts: dict[str, list[np.ndarray]] = {key: [] for key in ("feature", "threshold", "right", "value")}
    roots: list[int] = []
    offset = depth = 0
    for tree in trees:
        own = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        roots.append(offset)
        parts["feature"].append(np.where(leaf, 0, tree.feature))
        parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
        if not np.array_equal(tree.children_left[~leaf], own[~leaf] + 1):
            raise FittingError("this scikit-learn does not number its trees depth first, as the model file needs")
        parts["right"].append(np.where(leaf, own, tree.children_right) + offset)
        parts["value"].append(np.where(leaf, tree.value[:, 0, 0], 0.0))
        depth = max(depth, int(tree.max_depth))
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
