"""Which files of a build context an image is made of."""

from __future__ import annotations

import json
import shlex
from pathlib import Path


def copied_paths(dockerfile: Path, context: Path) -> tuple[Path, ...]:
    """The files and folders that a Dockerfile copies from its context, and the Dockerfile itself.

    They are what a running service of the image should follow: a change elsewhere would not be in the image either.

    Arguments:
        dockerfile: the Dockerfile.
        context: the build context's folder.

    Returns:
        existing paths without repetition; the whole context where the Dockerfile cannot be read or copies nothing.

    Example: ``copied_paths(Path("services/energy/Dockerfile"), Path("."))``
    """
    try:
        text = dockerfile.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return (context,)
    root = context.resolve()
    found: dict[Path, None] = {}
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        for source in _sources(line.strip()):
            found |= dict.fromkeys(path for path in _matching(root, source) if _inside(path, root))
    return (*found, dockerfile.resolve()) if found else (context,)


def _sources(line: str) -> list[str]:
    word, _, rest = line.partition(" ")
    if word.upper() not in ("COPY", "ADD"):
        return []
    try:
        parts = shlex.split(rest)
    except ValueError:
        return []
    if any(part.startswith("--from") for part in parts):
        return []  # from another stage or image
    plain = rest.strip()
    while plain.startswith("--"):
        plain = plain.partition(" ")[2].strip()
    if plain.startswith("["):
        try:
            parts = [str(part) for part in json.loads(plain)]
        except ValueError:
            return []
    else:
        parts = [part for part in parts if not part.startswith("--")]
    return [part for part in parts[:-1] if "://" not in part and not part.startswith("<<")]


def _matching(root: Path, source: str) -> list[Path]:
    relative = source.lstrip("/")
    if any(sign in relative for sign in "*?["):
        try:
            return sorted(path.resolve() for path in root.glob(relative))
        except (ValueError, NotImplementedError):
            return []
    path = (root / relative).resolve()
    return [path] if path.exists() else []


def _inside(path: Path, root: Path) -> bool:
    return path == root or root in path.parents
