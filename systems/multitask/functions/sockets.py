"""Who may connect over the WebSocket."""

from __future__ import annotations

from typing import Any


def authorize(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Nobody, until tokens are checked: a gate that is not built stays shut."""
    return {
        "principalId": "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [
            {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": event["methodArn"]}]},
    }
