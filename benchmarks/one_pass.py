"""One pass of check, cost and draw as a whole process, beside Checkov alone on the Terraform JSON of the same system."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.checkov import OPTIONS, written
from benchmarks.generated import write_system
from benchmarks.measuring import WORK, median_of, peer_environment, run_process, table
from groundsill.testing import Definition

SIZES = (500, 1000, 5000)
ROOT = Path(__file__).resolve().parent.parent
LIMIT, TIMES = 1.0, 20.0
"""What 500 resources may take in seconds, and how many times faster than Checkov that has to be."""


def main(runs: int, sizes: Sequence[int] = SIZES) -> None:
    """Time both at each size, in turn, and print seconds, ratios and the growth with size."""
    python = peer_environment("checkov", ["checkov"])
    rows: list[list[object]] = []
    first: float | None = None
    for size in sizes:
        folder = write_system(WORK / "generated" / str(size), size)["groundsill"]
        graph = Definition(folder).graph("prod", tier="enterprise")
        terraform = written(f"generated_{size}", graph)
        command = [sys.executable, "-m", "benchmarks.one_pass_program", str(folder)]
        run_process(command, cwd=ROOT)  # warm: byte code and file cache, as the peer has its own after installing
        ours = median_of([run_process(command, cwd=ROOT) for _ in range(max(runs, 5))])
        peer = median_of([run_process([str(python), "-m", "checkov.main", "--directory", str(terraform), *OPTIONS])
                          for _ in range(runs if size <= 1000 else 1)])
        each = ours.cpu / len(graph)
        first = first or each
        rows.append([len(graph), f"{ours.wall:.2f}", f"{ours.cpu:.2f}", f"{ours.megabytes:.0f}", f"{peer.wall:.2f}",
                     f"{peer.cpu:.2f}", f"{peer.wall / ours.wall:.1f} x", f"{peer.cpu / ours.cpu:.1f} x", f"{each / first:.2f}"])
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        print(done.stdout.strip(), flush=True)
    print(table(["resources", "our wall s", "our CPU s", "our MB", "Checkov wall s", "Checkov CPU s", "wall", "CPU",
                 "CPU a resource, to the first"], rows))
    print(f"wanted at {sizes[0]} resources: at most {LIMIT} s, and at least {TIMES:.0f} times faster than Checkov")
