"""The trained model: read from its data file and applied with numpy alone."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .features import NAMES

MODEL_PATH = Path(__file__).with_name("model.json")
FORMAT = 1

#: Standard deviations. Features of an expert are held inside this range: straight lines do not extrapolate.
CLIP = 2.5
#: W/kg. No estimate outside: below basal rate of the largest, above the highest rates of endurance athletes.
LEAST, GREATEST = 0.5, 25.0


@dataclass(frozen=True)
class Classifier:
    """Which kind of movement a cycle is: linear discriminants over standardised features."""

    columns: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Probability of every kind, shape (n, kinds)."""
        score = ((features[:, self.columns] - self.mean) / self.scale) @ self.coefficients + self.intercepts
        share = np.exp(score - score.max(axis=1, keepdims=True))
        return share / share.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Expert:
    """Logarithm of the metabolic rate for one kind of movement: a straight line over a few features."""

    columns: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    log_mass_mean: float
    mass_exponent: float
    coefficients: np.ndarray

    def design(self, features: np.ndarray) -> np.ndarray:
        """Design matrix: one, log mass, the standardised features."""
        standard = np.clip((features[:, self.columns] - self.mean) / self.scale, -CLIP, CLIP)
        return np.column_stack([np.ones(len(features)), features[:, 0] - self.log_mass_mean, standard])

    def log_watts(self, features: np.ndarray) -> np.ndarray:
        """Estimate as a logarithm, shape (n,)."""
        return self.design(features) @ self.coefficients + self.mass_exponent * features[:, 0]


@dataclass(frozen=True)
class Trees:
    """A forest as flat arrays: the left child is the next node; a leaf is its own right child."""

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    right: np.ndarray
    value: np.ndarray
    mass_exponent: float
    depth: int

    def log_watts(self, features: np.ndarray) -> np.ndarray:
        """Estimate as a logarithm, shape (n,): the mean over all trees."""
        rows = np.arange(len(features))[:, None]
        node = np.broadcast_to(self.roots, (len(features), len(self.roots))).copy()
        for _ in range(self.depth):
            right = self.right[node]
            goes_left = (features[rows, self.feature[node]] <= self.threshold[node]) & (right != node)
            node = np.where(goes_left, node + 1, right)
        return self.value[node].mean(axis=1) + self.mass_exponent * features[:, 0]


@dataclass(frozen=True)
class Model:
    """The whole model. `kinds` names the experts, `templates` is each kind's mean swing (kinds, 30)."""

    kinds: tuple[str, ...]
    classifier: Classifier
    experts: tuple[Expert, ...]
    trees: Trees
    templates: np.ndarray
    about: dict[str, Any]

    def watts(self, features: np.ndarray) -> np.ndarray:
        """Metabolic rate in watts of every row of `features` (n, len(NAMES)).

        The geometric mean of the mixture of experts and the forest.
        """
        if not len(features):
            return np.zeros(0)
        share = self.classifier.probabilities(features)
        each = np.column_stack([expert.log_watts(features) for expert in self.experts])
        log_watts = 0.5 * (share * each).sum(axis=1) + 0.5 * self.trees.log_watts(features)
        return np.exp(np.clip(log_watts - features[:, 0], np.log(LEAST), np.log(GREATEST)) + features[:, 0])


def to_document(model: Model) -> dict[str, Any]:
    """The model as plain JSON values, rounded to what matters."""
    classifier, trees = model.classifier, model.trees
    return {
        "format": FORMAT,
        "about": model.about,
        "features": list(NAMES),
        "kinds": list(model.kinds),
        "classifier": {
            "columns": [NAMES[c] for c in classifier.columns],
            "mean": _rounded(classifier.mean),
            "scale": _rounded(classifier.scale),
            "coefficients": _rounded(classifier.coefficients),
            "intercepts": _rounded(classifier.intercepts),
        },
        "experts": [
            {
                "columns": [NAMES[c] for c in expert.columns],
                "mean": _rounded(expert.mean),
                "scale": _rounded(expert.scale),
                "log_mass_mean": float(f"{expert.log_mass_mean:.7g}"),
                "mass_exponent": expert.mass_exponent,
                "coefficients": _rounded(expert.coefficients),
            }
            for expert in model.experts
        ],
        "trees": {
            "mass_exponent": trees.mass_exponent,
            "depth": trees.depth,
            "roots": trees.roots.tolist(),
            "feature": trees.feature.tolist(),
            "threshold": _rounded(trees.threshold, 5),
            "right": trees.right.tolist(),
            "value": _rounded(trees.value, 4),
        },
        "templates": _rounded(model.templates, 5),
    }


def from_document(document: dict[str, Any]) -> Model:
    """The model from its document.

    Raises:
        ValueError: The document is of another format or its features are not those of this code.
    """
    if document.get("format") != FORMAT:
        raise ValueError(f"model format {document.get('format')!r} is not {FORMAT}: train it again")
    if tuple(document["features"]) != NAMES:
        raise ValueError("the model was trained on other features than this code computes: train it again")
    classifier, trees = document["classifier"], document["trees"]
    return Model(
        kinds=tuple(document["kinds"]),
        classifier=Classifier(
            _columns(classifier),
            *(np.array(classifier[key]) for key in ("mean", "scale", "coefficients", "intercepts")),
        ),
        experts=tuple(
            Expert(
                _columns(expert),
                np.array(expert["mean"]),
                np.array(expert["scale"]),
                expert["log_mass_mean"],
                expert["mass_exponent"],
                np.array(expert["coefficients"]),
            )
            for expert in document["experts"]
        ),
        trees=Trees(
            *(np.array(trees[key]) for key in ("roots", "feature", "threshold", "right", "value")),
            mass_exponent=trees["mass_exponent"],
            depth=trees["depth"],
        ),
        templates=np.array(document["templates"]),
        about=document["about"],
    )


@functools.cache
def shipped() -> Model:
    """The model that comes with the service, read once a process."""
    return from_document(json.loads(MODEL_PATH.read_text(encoding="utf-8")))


def _columns(part: dict[str, Any]) -> np.ndarray:
    return np.array([NAMES.index(name) for name in part["columns"]], dtype=np.intp)


def _rounded(values: np.ndarray, digits: int = 7) -> list[Any]:
    """Nested lists of numbers with `digits` significant digits, so that the file is small and steady."""
    if values.ndim > 1:
        return [_rounded(row, digits) for row in values]
    return [float(f"{value:.{digits}g}") for value in values]
