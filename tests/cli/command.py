"""`groundsill` with the fake daemon in the place of the real one."""

from __future__ import annotations

import sys
from pathlib import Path

from groundsill.cli.main import run
from groundsill.ground import control

control.DAEMON = (sys.executable, str(Path(__file__).with_name("fake_daemon.py")))

if __name__ == "__main__":
    sys.exit(run())
