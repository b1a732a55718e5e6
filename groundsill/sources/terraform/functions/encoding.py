"""Functions that encode and decode, and digests."""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import json
import urllib.parse
from collections.abc import Callable
from typing import Any

from groundsill.graph.reference import JsonDocument
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.sources.terraform.functions import Calling, Function
from groundsill.sources.terraform.values import (
    PartialText,
    as_text,
    document_of,
    fail,
    is_settled,
    json_text,
)


def _jsonencode(_: Calling, value: Any) -> Any:
    if is_mapping(value) or is_list(value) or not is_settled(value):
        # Kept as a structure, so that readers can look inside a policy that holds references.
        return JsonDocument(value)
    return as_text(json_text(value))


def _jsondecode(_: Calling, value: Any) -> Any:
    if isinstance(value, JsonDocument):
        return value.content
    if isinstance(value, str | PartialText):
        found = document_of(value)
        if found is not None:
            return found
    text = as_text(value)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return fail("it is not JSON")


def _base64encode(_: Calling, value: Any) -> str:
    return base64.b64encode(as_text(value).encode("utf-8", "surrogatepass")).decode()


def _base64decode(_: Calling, value: Any) -> str:
    try:
        return base64.b64decode(as_text(value), validate=True).decode()
    except (binascii.Error, ValueError):
        return fail("it is not base64 of text")


def _urlencode(_: Calling, value: Any) -> str:
    return urllib.parse.quote_plus(as_text(value).encode("utf-8", "surrogatepass"), safe="")


def _csvdecode(_: Calling, value: Any) -> list[dict[str, str]]:
    try:
        return [{key: item for key, item in row.items() if key is not None and isinstance(item, str)}  # pyright: ignore[reportUnnecessaryComparison]
                for row in csv.DictReader(io.StringIO(as_text(value)))]
    except csv.Error:
        return fail("it is no table")


def _digest(name: str, form: Callable[[bytes], str]) -> Function:
    def function(_: Calling, value: Any) -> str:
        content = as_text(value).encode("utf-8", "surrogatepass")
        return form(hashlib.new(name, content, usedforsecurity=False).digest())

    return function


def base64_text(digest: bytes) -> str:
    """A digest in base64."""
    return base64.b64encode(digest).decode()


FUNCTIONS: dict[str, Function] = {
    "base64decode": _base64decode,
    "base64encode": _base64encode,
    "base64sha256": _digest("sha256", base64_text),
    "base64sha512": _digest("sha512", base64_text),
    "csvdecode": _csvdecode,
    "jsondecode": _jsondecode,
    "jsonencode": _jsonencode,
    "md5": _digest("md5", bytes.hex),
    "sha1": _digest("sha1", bytes.hex),
    "sha256": _digest("sha256", bytes.hex),
    "sha512": _digest("sha512", bytes.hex),
    "urlencode": _urlencode,
}
