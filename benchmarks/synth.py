"""From a definition to files that can be deployed, as a whole process: Groundsill, the AWS CDK and CDK for Terraform."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.generated import write_system
from benchmarks.measuring import WORK, Run, median_of, peer_environment, run_process, table

SIZES = (100, 1000, 5000)
GROUNDSILL = [str(Path(sys.executable).parent / "groundsill")]


def main(runs: int, sizes: Sequence[int] = SIZES) -> None:
    """Time each of them at each size, in turn, and print seconds, memory and ratios."""
    peers = {
        "aws-cdk-lib": peer_environment("aws-cdk", ["aws-cdk-lib"]),
        "cdktf": peer_environment("cdktf", ["cdktf", "cdktf-cdktf-provider-aws"]),
    }
    rows: list[list[object]] = []
    for size in sizes:
        folder = WORK / "generated" / str(size)
        programs = write_system(folder, size)
        # Enough repetitions of the fast one; the peers take long, and a few seconds more or less change nothing.
        ours = _ours(programs["groundsill"], max(runs, 5))
        rows.append([size, "groundsill", f"{ours.wall:.2f}", f"{ours.cpu:.2f}", f"{ours.megabytes:.0f}", ""])
        for name, python in peers.items():
            repeat = runs if size <= 1000 else 1
            found = median_of([run_process([str(python), str(programs[name])], cwd=folder) for _ in range(repeat)])
            rows.append([size, name, f"{found.wall:.2f}", f"{found.cpu:.2f}", f"{found.megabytes:.0f}",
                         f"{found.wall / ours.wall:.0f} x"])
    print(table(["resources", "tool", "wall s", "CPU s", "MB", "to groundsill"], rows))


def _ours(system: Path, runs: int) -> Run:
    command = [*GROUNDSILL, "synth", str(system), "--out", str(system / "out")]
    run_process(command)  # warm: byte code and file cache, as the peers have theirs after installing
    return median_of([run_process(command) for _ in range(runs)])
