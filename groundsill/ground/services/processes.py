"""What a process tree uses: memory and listening ports."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def tree(pid: int) -> list[int]:
    """A process and everything that it started, as far as it lives."""
    if sys.platform != "linux":
        return _tree_elsewhere(pid)
    found, waiting = [pid], [pid]
    while waiting:
        for child in _children(waiting.pop()):
            found.append(child)
            waiting.append(child)
    return found


def memory_bytes(pid: int, limit: int) -> int:
    """Resident memory of a process tree; above `limit`, shared pages are counted once, as a container's are.

    The exact count of several processes is slower, so it is made only where the simple sum would be a verdict.
    """
    pids = tree(pid)
    total = sum(map(_resident, pids))
    if total <= limit or len(pids) == 1 or sys.platform != "linux":
        return total
    shares = [_share(one) for one in pids]
    return total if None in shares else sum(share for share in shares if share is not None)


def listening(pid: int) -> set[tuple[str, int]]:
    """Address and port of everything that a process tree listens on."""
    import psutil

    found: set[tuple[str, int]] = set()
    for one in tree(pid):
        with contextlib.suppress(psutil.Error):
            for connection in psutil.Process(one).net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr:
                    found.add((str(connection.laddr[0]), int(connection.laddr[1])))
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{pid}/task/{thread}/children").read_text()
                found += [int(child) for child in text.split()]
    return found


def _resident(pid: int) -> int:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, IndexError, ValueError):
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        return 0
    import psutil

    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _share(pid: int) -> int | None:
    """Proportional set size: pages that several processes share are divided among them."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return None if Path(f"/proc/{pid}").exists() else 0


def _tree_elsewhere(pid: int) -> list[int]:
    import psutil

    with contextlib.suppress(psutil.Error):
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return [pid]
