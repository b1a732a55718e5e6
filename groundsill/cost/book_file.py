"""The form of a price book's file: sorted JSON, an entry a line, with a digest of its own content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BOOK = Path(__file__).with_name("prices.json")
"""The package's own book."""
_TABLES = ("allowances", "prices", "sources", "templates")


def digest_of(content: Mapping[str, Any]) -> str:
    """The SHA-256 of a book's content, without the digest itself."""
    bare = {name: value for name, value in content.items() if name != "digest"}
    return hashlib.sha256(json.dumps(bare, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def text_of(content: Mapping[str, Any]) -> str:
    """A book as its file is written: a change of one price is a change of one line.

    Arguments:
        content: everything but the digest, which is added.
    """
    whole: dict[str, Any] = {**content, "digest": digest_of(content)}
    lines: list[str] = []
    for name, value in sorted(whole.items(), key=lambda item: item[0]):
        if name in _TABLES:
            entries = ",\n".join(f" {json.dumps(key)}: {_compact(entry)}" for key, entry in sorted(value.items()))
            lines.append(f"{json.dumps(name)}: {{\n{entries}\n}}")
        else:
            lines.append(f"{json.dumps(name)}: {_compact(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
