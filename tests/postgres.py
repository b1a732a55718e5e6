"""A PostgreSQL server of a test's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def _program(name: str) -> str | None:
    """A program of PostgreSQL; Debian keeps those of the server in a folder of their own."""
    there = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(there[-1]) if there else None)


@contextmanager
def server(login: str) -> Iterator[int]:
    """A server of its own on a free port, which it gives.

    Arguments:
        login: name of its administrator, who has no password.
    """
    initialise, control = _program("initdb"), _program("pg_ctl")
    if initialise is None or control is None:
        pytest.skip("PostgreSQL's server is not on this machine")
    user: dict[str, Any] = {"user": "postgres"} if os.geteuid() == 0 else {}  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="groundsill-postgres-"))
    if user:
        shutil.chown(folder, "postgres")
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        number = line.getsockname()[1]

    def run(*words: str) -> None:
        subprocess.run(words, check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)

    try:
        run(initialise, "-D", str(folder / "data"), "-U", login, "--auth=trust", "--no-sync")
        run(control, "-D", str(folder / "data"), "-w", "-l", str(folder / "log"), "-o",
            f"-p {number} -h 127.0.0.1 -k {folder} -F", "start")
        yield number
        run(control, "-D", str(folder / "data"), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
