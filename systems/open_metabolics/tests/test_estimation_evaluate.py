"""The evaluate command and the shipped model's file: honest figures, clear errors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from services.energy import evaluate, train
from services.energy.estimation.dataset import load_dataset
from services.energy.estimation.features import NAMES
from services.energy.estimation.model import MODEL_PATH, from_document, shipped, to_document
from simulation.recording import FOLDER

ROOT = Path(__file__).resolve().parents[1]
#: Conditions and what they cost here, W/kg, with duration of a cycle (s) and strength of the swing.
WAYS = {"C02": (3.4, 1.3, 0.7), "C03": (4.5, 1.07, 1.0), "C05": (10.3, 0.74, 1.7), "C07": (13.7, 0.7, 2.2),
        "C18": (7.9, 2.1, 0.8), "C19": (9.9, 1.6, 1.0), "C20": (5.3, 0.76, 1.2), "C21": (7.0, 0.74, 1.3)}  # fmt: skip
SHAPES = {"C0": (0.9, 0.4), "C1": (0.3, -0.2), "C2": (-0.2, -0.3)}


def cycles(people: int, seed: int, rows: int = 4) -> dict[str, np.ndarray]:
    """Made-up people who walk, run, cycle and climb."""
    generator = np.random.default_rng(seed)
    x: list[np.ndarray] = []
    y: list[float] = []
    labels: list[tuple[str, str]] = []
    phase = 2 * np.pi * np.arange(30) / 30
    for person in range(people):
        mass, height = generator.uniform(55, 95), generator.uniform(1.6, 1.9)
        for condition, (cost, duration, strength) in WAYS.items():
            watts = cost * mass * generator.uniform(0.92, 1.08)
            second, third = SHAPES[condition[:2]]
            for _ in range(rows):
                own = strength * generator.uniform(0.95, 1.05)
                z = 1.8 * own * (np.cos(phase) + second * np.cos(2 * phase) + third * np.cos(3 * phase))
                swing = np.concatenate([0.2 * z, 0.4 * np.roll(z, 3), z]) + 0.03 * generator.standard_normal(90)
                x.append(np.r_[30.0, person % 2, mass, height, duration * generator.uniform(0.97, 1.03), swing])
                y.append(watts)
                labels.append((f"S{seed}{person:02d}", condition))
    subject, condition_names = zip(*labels, strict=True)
    return {
        "x": np.array(x, dtype=np.float32),
        "y": np.array(y, dtype=np.float32),
        "subject": np.array(subject),
        "condition": np.array(condition_names),
    }


def write(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "services.energy.evaluate", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def training_file() -> Path:
    for folder in (ROOT, *ROOT.parents):
        path = folder / FOLDER / "training.npz"
        if path.is_file():
            return path
    pytest.skip("the training data (shared/data/open-metabolics) are not on this machine")


def test_new_people_are_measured_with_the_shipped_model(tmp_path: Path) -> None:
    result = run(str(write(tmp_path / "new.npz", **cycles(3, seed=1))), "--json")
    assert (result.returncode, result.stderr) == (0, "")
    report = json.loads(result.stdout)
    assert report["method"] == "shipped-model"
    assert report["overlaps_training"] is False
    assert report["unit"] == "percent"
    assert (report["subjects"], report["conditions"], report["rows"]) == (3, 8, 3 * 8 * 4)
    assert 0 < report["per_condition_mape"] < 100
    assert set(report["by_condition"]) == set(WAYS)
    assert "in_sample_mape" not in report


def test_the_table_is_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "new.npz", **cycles(2, seed=2))
    assert evaluate.main([str(path)]) == 0
    text = capsys.readouterr().out
    assert "per-condition error:" in text
    assert "C19" in text


def test_the_error_is_that_of_the_mean_over_a_persons_cycles_of_one_condition(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path / "new.npz", **cycles(2, seed=3)))
    watts = shipped().watts(dataset.features)
    errors = []
    for person in np.unique(dataset.subject):
        for condition in np.unique(dataset.condition):
            own = (dataset.subject == person) & (dataset.condition == condition)
            errors.append(abs(watts[own].mean() - dataset.y[own][0]) / dataset.y[own][0])
    assert evaluate.evaluate(dataset)["per_condition_mape"] == pytest.approx(100 * np.mean(errors), abs=1e-3)


def test_measurements_the_model_was_trained_on_are_measured_by_refitting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = cycles(6, seed=4, rows=2)
    dataset = load_dataset(write(tmp_path / "seen.npz", **arrays))
    monkeypatch.setitem(shipped().about, "fingerprints", dataset.rows(dataset.subjects[:1]).fingerprints())
    # Other names for the same people do not hide them.
    arrays["subject"] = np.char.add("other-", arrays["subject"])
    renamed = load_dataset(write(tmp_path / "renamed.npz", **arrays))
    report = evaluate.evaluate(renamed)
    assert report["overlaps_training"] is True
    assert report["subjects_in_training"] == 1
    assert report["method"] == "leave-subjects-out"
    assert report["in_sample_mape"] != report["per_condition_mape"]
    # The refitted model knows these made-up people, the shipped one does not.
    assert report["per_condition_mape"] < 12


def test_too_few_people_to_refit_leave_the_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load_dataset(write(tmp_path / "few.npz", **cycles(3, seed=5)))
    monkeypatch.setitem(shipped().about, "fingerprints", dataset.rows(dataset.subjects[:1]).fingerprints())
    report = evaluate.evaluate(dataset)
    assert report["method"] == "shipped-model-on-new-people"
    assert report["by_condition"]["C03"]["people"] == 2
    monkeypatch.setitem(shipped().about, "fingerprints", dataset.fingerprints())
    report = evaluate.evaluate(dataset)
    assert report["per_condition_mape"] is None
    assert "could not refit" in report["note"]


def changed(name: str, change: Callable[[np.ndarray], Any]) -> dict[str, Any]:
    arrays: dict[str, Any] = cycles(1, seed=6)
    arrays[name] = change(arrays[name])
    return arrays


def at(row: int, column: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[row, column] = value
        return array

    return change


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        (changed("x", lambda x: x[:, :94]), r"x has shape \(32, 94\); expected \(rows, 95\)"),
        (changed("x", lambda x: x[:0]), "x has no rows"),
        (changed("y", lambda y: y[:-1]), r"y has shape \(31,\)"),
        (changed("x", lambda x: x.astype(str)), "x has type"),
        (changed("x", at(5, 40, np.nan)), "x is not finite at row 5"),
        (changed("x", at(6, 2, 0.0)), "mass .* must be positive, row 6"),
        (changed("x", at(7, 4, -1.0)), "duration .* must be positive, row 7"),
        (changed("subject", lambda s: s.astype(object)), "without pickled objects"),
        ({"x": np.zeros((1, 95))}, "array y, subject, condition is missing"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_reason(
    arrays: dict[str, Any], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main([str(write(tmp_path / "bad.npz", **arrays)), "--json"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: bad data file")
    assert re.search(text, output.err)


def test_a_file_that_is_no_archive_is_refused_without_a_traceback(tmp_path: Path) -> None:
    text, array, cut = tmp_path / "text.npz", tmp_path / "array.npy", tmp_path / "cut.npz"
    text.write_text("no archive")
    np.save(array, np.zeros(3))
    whole = write(tmp_path / "whole.npz", **cycles(1, seed=7)).read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    for path in (text, array, cut, tmp_path, tmp_path / "absent.npz"):
        assert evaluate.main([str(path)]) == 2
    result = run(str(text), "--json")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_the_model_file_says_what_it_is() -> None:
    document = json.loads(MODEL_PATH.read_text(encoding="utf-8"))
    about = document["about"]
    assert tuple(document["features"]) == NAMES
    assert (about["rows"], about["subjects"], about["pairs"]) == (10400, 27, 208)
    assert about["validation"]["leave_one_person_out"] <= 12
    assert about["validation"]["five_fold_mean"] <= 12
    assert len(about["validation"]["five_fold"]) >= 5
    assert MODEL_PATH.stat().st_size < 500_000
    # Written and read again, nothing changes.
    assert json.loads(json.dumps(to_document(from_document(document)))) == document


def test_the_estimate_needs_numpy_alone() -> None:
    code = (
        "import sys; from services.energy import estimation as e; assert 'numpy' not in sys.modules;"
        "from simulation.walk import simulate_walk;"
        "e.estimate(simulate_walk(minutes=1), e.Profile(age=30, weight=70, height=1.7, sex='female'));"
        "assert not {'scipy', 'sklearn', 'boto3'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_training_twice_gives_the_same_parameters(tmp_path: Path) -> None:
    from services.energy.estimation.fitting import fit

    dataset = load_dataset(write(tmp_path / "people.npz", **cycles(6, seed=8)))
    one, two = (train.to_text(to_document(fit(dataset, trees=5))) for _ in range(2))
    assert one == two
    assert from_document(json.loads(one)).watts(dataset.features) == pytest.approx(
        fit(dataset, trees=5).watts(dataset.features), rel=1e-2
    )


def test_training_without_the_data_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main([str(tmp_path / "absent.npz")]) == 2
    few = write(tmp_path / "few.npz", **cycles(2, seed=9))
    assert train.main([str(few), "--out", str(tmp_path / "model.json")]) == 1
    assert "at least 4 people" in capsys.readouterr().err
    assert not (tmp_path / "model.json").exists()


def test_the_shipped_model_is_what_the_training_script_gives(training_file: Path) -> None:
    import sklearn

    trained_with = shipped().about["trained_with"]["scikit-learn"]
    if sklearn.__version__ != trained_with:
        pytest.skip(f"trained with scikit-learn {trained_with}, here is {sklearn.__version__}")
    assert train.main([str(training_file), "--check"]) == 0
