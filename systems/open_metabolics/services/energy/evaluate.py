"""Measure the energy model on labelled gait cycles.

    python -m systems.open_metabolics.services.energy.evaluate FILE.npz [--json]

FILE has the form of the training data: `x` (n, 95), `y` (n,), `subject`, `condition`. The error is that per
condition: estimates are averaged over a person's cycles of one condition, compared with the measured rate, and the
absolute percentage errors of all (person, condition) pairs are averaged.

- People the shipped model has not seen: it is applied as it is (`"method": "shipped-model"`).
- When the file holds measurements that the model was trained on, its own error on them would flatter it. Then the
  headline comes from models refitted without each person in turn (`"method": "leave-subjects-out"`), and the shipped
  model's figure is named `in_sample_mape`. Refitting needs scikit-learn and enough people; without, the headline
  covers the new people only (`"method": "shipped-model-on-new-people"`) or is null.

Exit codes: 0 measured, 1 refitting is not possible and nobody is new, 2 bad file or arguments.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

#: Above this many people, they are held out in groups, to bound the time.
ONE_BY_ONE = 40
GROUPS = 20


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return the exit code."""
    from .estimation.dataset import DatasetError, load_dataset

    parser = argparse.ArgumentParser(prog="evaluate", description="Measure the energy model on labelled gait cycles.")
    parser.add_argument("data", type=Path, help="npz file with x, y, subject, condition")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        report = evaluate(load_dataset(options.data))
    except DatasetError as problem:
        print(
            f"error: bad data file\n  {problem}\n"
            "  Expected an npz file with x (n, 95), y (n,), subject (n,) and condition (n,); see MODEL.md.",
            file=sys.stderr,
        )
        return 2
    print(json.dumps(report, indent=2) if options.json else _table(report))
    return 0 if report["per_condition_mape"] is not None else 1


def evaluate(dataset: Any) -> dict[str, Any]:
    """The report on a data set, as plain JSON values."""
    import numpy as np

    from .estimation.fitting import FittingError
    from .estimation.model import shipped
    from .estimation.validation import by_condition, leave_people_out, pair_errors, predict

    model = shipped()
    trained_on = set(model.about["fingerprints"])
    seen = [person for person in dataset.subjects if trained_on & set(dataset.rows([person]).fingerprints())]
    watts = predict(model, dataset)
    measured, method, note = dataset, "shipped-model", None
    report: dict[str, Any] = {"per_condition_mape": None, "unit": "percent"}
    if seen:
        in_sample = pair_errors(dataset, watts).mean()
        report["in_sample_mape"] = _percent(in_sample)
        try:
            folds = None if len(dataset.subjects) <= ONE_BY_ONE else GROUPS
            watts, method = leave_people_out(dataset, folds=folds), "leave-subjects-out"
        except FittingError as problem:
            new = [person for person in dataset.subjects if person not in seen]
            keep = np.isin(dataset.subject, new)
            measured, watts, method = dataset.rows(new), watts[keep], "shipped-model-on-new-people"
            note = f"could not refit without each person: {problem}"
    if len(measured.y):
        errors = pair_errors(measured, watts)
        report["per_condition_mape"] = _percent(errors.mean())
        report["median_error"] = _percent(np.median(errors))
    report |= {
        "method": method,
        "overlaps_training": bool(seen),
        "subjects_in_training": len(seen),
        "subjects": len(dataset.subjects),
        "conditions": len({condition for _, condition in dataset.pairs}),
        "pairs": len(dataset.pairs),
        "rows": len(dataset.y),
        "by_condition": by_condition(measured, watts) if len(measured.y) else {},
    }
    if note:
        report["note"] = note
    return report


def _percent(share: float) -> float:
    return round(100 * float(share), 3)


def _table(report: dict[str, Any]) -> str:
    """The report for people to read."""
    headline = report["per_condition_mape"]
    lines = [
        f"{report['rows']} cycles, {report['subjects']} people, {report['conditions']} conditions",
        f"per-condition error: {'not measurable' if headline is None else f'{headline:.2f} %'} ({report['method']})",
    ]
    if report["overlaps_training"]:
        lines.append(
            f"{report['subjects_in_training']} people are in the training data; "
            f"on them the shipped model's own error would be {report['in_sample_mape']:.2f} %"
        )
    if "note" in report:
        lines.append(report["note"])
    if report["by_condition"]:
        lines += ["", "condition  people   error    bias  measured"]
    for condition, row in report["by_condition"].items():
        lines.append(
            f"{condition:<10} {row['people']:>5} {row['mape']:>6.1f} % {row['bias']:>+6.1f} % "
            f"{row['measured_watts']:>6.0f} W"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
