"""From the command `groundsill up` to the first HTTP 200, with OpenMetabolics, on data of an earlier start and on none."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path

from benchmarks.measuring import table
from benchmarks.synth import GROUNDSILL

SYSTEM = Path(__file__).resolve().parent.parent / "systems" / "open_metabolics"
STAGE = "dev"


def main(runs: int) -> None:
    """Start and stop the system, print seconds."""
    rows: list[list[object]] = []
    for name, wipe in (("fresh", True), ("with data", False)):
        seconds = [_start(wipe=wipe) for _ in range(max(runs, 3))]
        rows.append([name, f"{min(seconds):.2f}", f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}"])
    print(table(["groundsill up to first HTTP 200", "least s", "median s", "most s"], rows))


def _start(*, wipe: bool) -> float:
    down = [*GROUNDSILL, "down", str(SYSTEM), "--stage", STAGE]
    subprocess.run([*down, "--wipe", "--yes"] if wipe else down, check=True, capture_output=True)  # noqa: S603
    before = time.perf_counter()
    answer = subprocess.run([*GROUNDSILL, "up", str(SYSTEM), "--stage", STAGE, "--json"], check=True,  # noqa: S603
                            capture_output=True, text=True)
    urls: dict[str, str] = json.loads(answer.stdout)["urls"]
    balancer = next(url for name, url in urls.items() if name.startswith("front"))
    with urllib.request.urlopen(f"{balancer}/health", timeout=10) as response:  # noqa: S310  an address of this machine
        assert response.status == 200
    lasted = time.perf_counter() - before
    subprocess.run(down, check=True, capture_output=True)  # noqa: S603
    return lasted
