"""How good a model is: the error per condition, on people it has not seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .dataset import Dataset
from .fitting import fit
from .model import Model


def predict(model: Model, dataset: Dataset) -> np.ndarray:
    """Estimate in watts of every row."""
    return model.watts(dataset.features)


def pair_errors(dataset: Dataset, watts: np.ndarray) -> np.ndarray:
    """|mean estimate - measured| / measured of each (person, condition) pair, as in `dataset.pairs`."""
    count = np.bincount(dataset.pair)
    estimate = np.bincount(dataset.pair, watts) / count
    measured = np.bincount(dataset.pair, dataset.y) / count
    return np.abs(estimate - measured) / measured


def people_left_out(dataset: Dataset, folds: int | None, seed: int = 0) -> Iterator[list[str]]:
    """Groups of people to hold out: one by one when `folds` is None, else that many, dealt out by `seed`."""
    people = list(dataset.subjects)
    if folds is None or folds >= len(people):
        yield from ([person] for person in people)
        return
    shuffled = np.random.default_rng(seed).permutation(people)
    for group in np.array_split(shuffled, folds):
        yield [str(person) for person in group]


def leave_people_out(dataset: Dataset, *, folds: int | None = None, seed: int = 0) -> np.ndarray:
    """Estimate of every row by a model that was trained, choices included, without that row's person."""
    watts = np.zeros(len(dataset.y))
    for held in people_left_out(dataset, folds, seed):
        rest = [person for person in dataset.subjects if person not in held]
        model = fit(dataset.rows(rest))
        watts[np.isin(dataset.subject, held)] = predict(model, dataset.rows(held))
    return watts


def by_condition(dataset: Dataset, watts: np.ndarray) -> dict[str, dict[str, float | int]]:
    """For each condition: people, error in percent, signed error in percent and mean measured watts."""
    errors = pair_errors(dataset, watts)
    count = np.bincount(dataset.pair)
    estimate = np.bincount(dataset.pair, watts) / count
    measured = np.bincount(dataset.pair, dataset.y) / count
    conditions = np.array([condition for _, condition in dataset.pairs])
    table: dict[str, dict[str, float | int]] = {}
    for condition in np.unique(conditions):
        own = conditions == condition
        table[str(condition)] = {
            "people": int(own.sum()),
            "mape": round(100 * float(errors[own].mean()), 2),
            "bias": round(100 * float((estimate[own] / measured[own] - 1).mean()), 2),
            "measured_watts": round(float(measured[own].mean()), 1),
        }
    return table
