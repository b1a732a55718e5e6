"""Old versions of functions are deleted: all but the newest, and never one that an alias points to."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

KEEP = 5


def handle(event: dict[str, Any], context: Any, client: Any = None) -> dict[str, list[str]]:
    """Delete old versions of each function that `FUNCTIONS` names.

    Arguments:
        event: ``{"keep": 5}`` keeps that many of the newest versions; default 5.
        context: Lambda's.
        client: Lambda client; default one of the function's own role.

    Returns:
        Deleted versions by function.
    """
    if client is None:
        import boto3

        client = boto3.client("lambda")
    keep = max(1, int(event.get("keep", KEEP)))
    deleted = {name: _prune(client, name, keep) for name in os.environ["FUNCTIONS"].split(",") if name}
    logging.getLogger().warning(json.dumps({"event": "versions-deleted", "versions": deleted}))
    return deleted


def _prune(client: Any, function: str, keep: int) -> list[str]:
    numbers: list[int] = []
    for page in client.get_paginator("list_versions_by_function").paginate(FunctionName=function):
        numbers += [int(item["Version"]) for item in page["Versions"] if item["Version"] != "$LATEST"]
    used: set[str] = set()
    for page in client.get_paginator("list_aliases").paginate(FunctionName=function):
        for alias in page["Aliases"]:
            used.add(alias["FunctionVersion"])
            used.update((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {}))
    old = [str(number) for number in sorted(numbers)[:-keep] if str(number) not in used]
    for version in old:
        client.delete_function(FunctionName=function, Qualifier=version)
    return old
