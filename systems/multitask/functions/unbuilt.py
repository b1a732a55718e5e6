"""What stands in for application code that is not built yet: it says so, and never pretends to have done anything."""

from __future__ import annotations

import json
from typing import Any

_TEXT = "not built yet"


class NotBuiltError(Exception):
    """Raised where nobody waits for an answer: what was to be handled stays where it is, or goes to the dead letters."""


def answer(service: str) -> dict[str, Any]:
    """The answer 501 of a service, in the form that both gateways pass on.

    Arguments:
        service: name of the service, for example ``auth``.
    """
    body = json.dumps({"error": _TEXT, "service": service})
    return {"statusCode": 501, "headers": {"content-type": "application/json"}, "body": body}


def refuse(what: str) -> None:
    """Fail for want of code.

    Raises:
        NotBuiltError: always.
    """
    raise NotBuiltError(f"{what}: {_TEXT}")
