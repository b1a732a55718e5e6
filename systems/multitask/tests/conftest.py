"""The tests' own help is importable."""

from __future__ import annotations

import sys
from pathlib import Path

folder = str(Path(__file__).resolve().parent)
if folder not in sys.path:
    sys.path.insert(0, folder)
