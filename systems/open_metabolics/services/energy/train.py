"""Train the energy model and write its data file.

    python -m systems.open_metabolics.services.energy.train training.npz [--out FILE] [--check]

The same data, seed, library versions and machine give the same bytes. `--check` writes nothing and ends
with exit code 1 when the shipped model is not what these data and this code give."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

SEED = 0
#: Splits of the repeated five-fold validation.
SPLITS = tuple(range(10))


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 done, 1 not possible or out of date, 2 bad data file."""
    from .estimation.dataset import DatasetError, load_dataset
    from .estimation.fitting import FittingError
    from .estimation.model import MODEL_PATH

    parser = argparse.ArgumentParser(prog="train", description="Train the energy model and write its data file.")
    parser.add_argument("data", type=Path, help="labelled gait cycles, an npz file with x, y, subject, condition")
    parser.add_argument("--out", type=Path, default=MODEL_PATH, help="where to write (default: the shipped model)")
    parser.add_argument("--check", action="store_true", help="only compare with the shipped model's parameters")
    options = parser.parse_args(arguments)
    try:
        dataset = load_dataset(options.data)
        if options.check:
            current = parameters_are_current(dataset)
            print("the model is what the data give" if current else "the model is out of date: train it again")
            return 0 if current else 1
        text = to_text(train(dataset))
    except DatasetError as problem:
        print(f"error: bad data file\n  {problem}", file=sys.stderr)
        return 2
    except FittingError as problem:
        print(f"error: cannot train\n  {problem}", file=sys.stderr)
        return 1
    beside = options.out.with_name(options.out.name + ".new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, options.out)
    validation = json.loads(text)["about"]["validation"]
    print(f"{options.out}: {len(text) / 1024:.0f} KB")
    print(f"leave one person out: {validation['leave_one_person_out']:.2f} %")
    print(f"five folds by person, {len(SPLITS)} splits: {validation['five_fold_mean']:.2f} %")
    return 0


def train(dataset: Any) -> dict[str, Any]:
    """The document of a model trained on all rows, with its validation in the header."""
    import numpy
    import sklearn

    from .estimation.fitting import ROTATED_COPIES, ROTATION_DEGREES, fit
    from .estimation.model import from_document, to_document
    from .estimation.validation import by_condition, leave_people_out, pair_errors, predict

    document = to_document(fit(dataset, seed=SEED))

    def percent(watts: Any) -> float:
        return round(100 * float(pair_errors(dataset, watts).mean()), 2)

    left_out = leave_people_out(dataset)
    repeated = [percent(leave_people_out(dataset, folds=5, seed=split)) for split in SPLITS]
    document["about"] = {
        "what": "Metabolic rate in watts from one gait cycle of the thigh's angular velocity, body mass and height: "
        "geometric mean of a mixture of four linear experts and a forest. See MODEL.md.",
        "data": "Labelled gait cycles of the OpenMetabolics release (Harvard Ability Lab): thigh gyroscope and "
        "respirometry, treadmill walking and running, ergometer cycling, stair climbing.",
        "rows": len(dataset.y),
        "subjects": len(dataset.subjects),
        "pairs": len(dataset.pairs),
        "conditions": sorted({condition for _, condition in dataset.pairs}),
        "augmentation": f"{ROTATED_COPIES} copies of each cycle, rotated at random by {ROTATION_DEGREES:g} degrees",
        "trained_with": {"numpy": numpy.__version__, "scikit-learn": sklearn.__version__},
        **document["about"],
        "validation": {
            "measure": "mean absolute percentage error per (person, condition), estimates averaged over its cycles",
            "method": "people held out; everything is refitted without them: relabelling, classifier, the "
            "form of each expert (chosen by an inner loop over the remaining people), experts, forest",
            "leave_one_person_out": percent(left_out),
            "five_fold": repeated,
            "five_fold_mean": round(float(numpy.mean(repeated)), 2),
            "in_sample": percent(predict(from_document(document), dataset)),
            "by_condition": by_condition(dataset, left_out),
        },
        "fingerprints": dataset.fingerprints(),
    }
    return document


def parameters_are_current(dataset: Any) -> bool:
    """Whether fitting these data gives the parameters of the shipped model."""
    from .estimation.fitting import fit
    from .estimation.model import MODEL_PATH, to_document

    shipped = json.loads(MODEL_PATH.read_text(encoding="utf-8"))
    fitted = json.loads(json.dumps(to_document(fit(dataset, seed=SEED))))
    return all(_same(fitted[key], shipped.get(key)) for key in fitted if key != "about")


def _same(one: Any, two: Any) -> bool:
    """Equal but for the last digits of numbers, in which linear algebra differs between machines."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_same, one, two))
    if isinstance(one, float) and isinstance(two, int | float):
        return math.isclose(one, two, rel_tol=1e-3, abs_tol=1e-5)
    return bool(one == two)


def to_text(document: dict[str, Any]) -> str:
    """JSON with a readable header and one line a block of numbers."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(value, indent=1 if key == 'about' else None, separators=(',', ':'))}"
        for key, value in document.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    raise SystemExit(main())
