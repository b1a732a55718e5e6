"""`python -m groundsill` is the same as `groundsill`."""

from __future__ import annotations

import sys

from groundsill.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
