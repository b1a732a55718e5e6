"""Timing of whole processes and of requests, and environments for peers."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WORK = Path(__file__).resolve().parent.parent / ".benchmarks"
"""Where peers are installed and generated systems are written; not part of the repository."""


@dataclass(frozen=True)
class Run:
    """One finished process: wall seconds, CPU seconds and peak memory of its largest process in MB."""

    wall: float
    cpu: float
    megabytes: float


def run_process(
    command: Sequence[str], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None, timeout: float = 900,
) -> Run:
    """Run a command to its end and account for it and all its children.

    Raises:
        RuntimeError: where it fails; the message ends with what it printed.
    """
    # Byte code is kept, as it is wherever a tool is installed, for us as for a peer.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _ACCOUNTANT, *command], cwd=cwd, env={**inherited, **(environment or {})},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output, _ = process.communicate(timeout=timeout)
    lines = output.rstrip().splitlines()
    if process.returncode != 0 or not lines or not lines[-1].startswith("@@"):
        raise RuntimeError(f"{' '.join(command)} failed:\n" + "\n".join(lines[-15:]))
    cpu, kilobytes, wall = (float(part) for part in lines[-1][2:].split())
    return Run(wall, cpu, kilobytes / 1024)


# Runs the command as its only child, so that the operating system's account of children is that command's alone.
_ACCOUNTANT = """
import resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.run(sys.argv[1:]).returncode
wall = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"@@{used.ru_utime + used.ru_stime} {used.ru_maxrss} {wall}", flush=True)
sys.exit(code)
"""


def cpu_seconds(*roots: int) -> float:
    """Seconds of CPU that the trees of these processes have used so far.

    Arguments:
        roots: process ids, in whose children and their children the work is done.
    """
    import psutil

    total = 0.0
    for root in roots:
        for process in (psutil.Process(root), *psutil.Process(root).children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
    return total


def median_of(runs: Sequence[Run]) -> Run:
    """The median of each figure."""
    return Run(statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs),
               statistics.median(run.megabytes for run in runs))


def peer_environment(name: str, packages: Sequence[str]) -> Path:
    """The Python of an environment of its own that holds a peer; made once.

    Raises:
        RuntimeError: where the peer cannot be installed.
    """
    folder = WORK / "peers" / name
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        print(f"installing {', '.join(packages)} (once)", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)  # noqa: S603
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)  # noqa: S603
        (folder / ".ready").touch()
    return python


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as aligned text."""
    cells = [[str(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    lines = ["  ".join(cell.rjust(width) if index else cell.ljust(width)
                       for index, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
