"""The energy estimate: its error on people it has not seen, and the time that a 20-minute walk takes on one core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import median_of, run_process, table

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("OPEN_METABOLICS_DATA", ROOT.parent / "shared" / "data" / "open-metabolics"))
# The reference points that came with the data: models fitted to the same rows, split by person.
REFERENCES = {"gradient-boosted trees, 15 statistics": 14.5, "the same, per kilogram": 12.8, "ridge regression": 20.6}
WALK = """
import sys
from pathlib import Path
from systems.open_metabolics.services.energy.estimation import Profile, estimate
from systems.open_metabolics.simulation.recording import find_recording, load_recording
from systems.open_metabolics.simulation.walk import simulate_walk
path = find_recording(Path.cwd())
samples = load_recording(path) if path else simulate_walk()
estimate(samples, Profile(34, 77, 1.78, "male"))
"""


def main(runs: int) -> None:
    """Print the error beside the references, and the seconds of a walk."""
    one_core = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    walk = median_of([run_process([sys.executable, "-c", WALK], cwd=ROOT, environment=one_core) for _ in range(max(runs, 3))])
    training = DATA / "training.npz"
    if training.exists():
        answer = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "systems.open_metabolics.services.energy.evaluate", str(training), "--json"],
            check=True, capture_output=True, text=True, cwd=ROOT)
        found = json.loads(answer.stdout)
        rows: list[list[object]] = [["groundsill's OpenMetabolics", f"{found['per_condition_mape']:.1f}"]]
        rows += [[name, f"{error:.1f}"] for name, error in REFERENCES.items()]
        print(table(["estimate for people not seen", "error %"], rows))
    else:
        print("the training data is not here: set OPEN_METABOLICS_DATA to its folder to measure the error")
    print(f"a 20-minute walk, whole process on one core: {walk.wall:.2f} s wall, {walk.cpu:.2f} s CPU, {walk.megabytes:.0f} MB")
