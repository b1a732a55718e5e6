"""Run benchmarks: ``python -m benchmarks [NAME ...] [--runs N]``; all of them where none is named."""

from __future__ import annotations

import argparse
import os
from importlib import import_module

NAMES = ("synth", "up", "http", "energy", "rehearsal", "checkov", "one_pass")

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("names", nargs="*", metavar="name", help=f"which: {', '.join(NAMES)} (default: all)")
parser.add_argument("--runs", type=int, default=3, help="repetitions of each measurement (default 3)")
given = parser.parse_args()
unknown = [name for name in given.names if name not in NAMES]
if unknown:
    parser.error(f"unknown benchmark {unknown[0]!r}; known: {', '.join(NAMES)}")
# What is started keeps its compiled modules, ours and the peers' alike, as it does on anybody's machine.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
for name in given.names or NAMES:
    print(f"== {name}", flush=True)
    import_module(f"benchmarks.{name}").main(given.runs)
