"""Every data source type of the AWS provider: ``aws.data.caller_identity("me").account_id``."""

from __future__ import annotations

from typing import Any

from groundsill.aws.resource import NOT_TYPES, constructor
from groundsill.aws.schema import schema_file


def __getattr__(name: str) -> Any:
    if name.startswith(NOT_TYPES):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return constructor(name, data=True)


def __dir__() -> list[str]:
    return list(schema_file().names(data=True))
