"""Changed files of a service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

_IGNORED_FOLDERS = frozenset({
    "__pycache__", ".groundsill", ".venv", "venv", ".git", ".hg", ".svn", "node_modules", ".pytest_cache", ".ruff_cache",
    ".mypy_cache", ".hypothesis", ".tox", ".idea", ".vscode", ".terraform", "dist", "build",
})
# What editors and running programs leave. A service that writes beside its code must not replace itself for ever.
_IGNORED_ENDINGS = (
    ".pyc", ".pyo", "~", ".swp", ".swx", ".tmp", ".new", ".log", ".jsonl", ".pid", ".sock", ".lock", ".db", ".sqlite",
    ".sqlite3", "-journal", "-wal", "-shm",
)
_DEBOUNCE_MILLISECONDS = 400
_STEP_MILLISECONDS = 50


def counts(path: Path, roots: Iterable[Path]) -> bool:
    """Whether a change of this file replaces the tasks.

    Example:
        >>> counts(Path("/app/worker.py"), [Path("/app")]), counts(Path("/app/.git/HEAD"), [Path("/app")])
        (True, False)
    """
    if path.name.endswith(_IGNORED_ENDINGS) or path.name == "4913" or path.name.startswith((".#", "#")):
        return False
    for root in roots:
        if path == root:
            return True
        if root in path.parents:
            return not _IGNORED_FOLDERS & set(path.relative_to(root).parts)
    return False


async def changes(paths: Iterable[Path], stop: asyncio.Event, started: asyncio.Event) -> AsyncIterator[list[Path]]:
    """The files that changed, whenever some did, shortly after the last of them was saved.

    Arguments:
        paths: files and folders; those that do not exist are left out.
        stop: ends the iteration.
        started: set when a change from now on is noticed.
    """
    from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]

    roots = [path.resolve() for path in paths if path.exists()]
    if not roots:
        started.set()
        return
    # A file is watched by its folder: editors replace it, and a watch on the file itself would be lost.
    folders = {root if root.is_dir() else root.parent for root in roots}
    wanted = [folder for folder in folders if not folders & set(folder.parents)]

    def interesting(_change: object, path: str) -> bool:
        return counts(Path(path), roots)

    # The watch is set before the iteration first waits, so what is called soon is called after that.
    asyncio.get_running_loop().call_soon(started.set)
    async for found in awatch(
        *wanted, watch_filter=interesting, debounce=_DEBOUNCE_MILLISECONDS, step=_STEP_MILLISECONDS, stop_event=stop,
    ):
        yield sorted({Path(path) for _, path in found})
