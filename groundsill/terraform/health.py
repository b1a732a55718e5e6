"""Whether what was deployed answers."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groundsill.graph.graph import Graph
from groundsill.graph.reference import references_in
from groundsill.terraform.failures import base_address

_DOORS = frozenset({
    "aws_apigatewayv2_api", "aws_apigatewayv2_stage", "aws_api_gateway_stage", "aws_lb", "aws_cloudfront_distribution",
    "aws_lambda_function_url",
})
_SERVER_FAULT = 500
_PAUSE_SECONDS = 2.0
_ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a front door said.

    Arguments:
        name: the output that holds its address.
        url: its address.
        healthy: whether it answers; a refusal (401, 403, 404) is an answer too.
        detail: the status, or what went wrong.
    """

    name: str
    url: str
    healthy: bool
    detail: str


def front_doors(graph: Graph, outputs: Mapping[str, Any]) -> dict[str, str]:
    """Addresses that the outputs name and that a front door of the system is behind, by output name."""
    found: dict[str, str] = {}
    for name, output in graph.outputs.items():
        url = outputs.get(name)
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            continue
        types = {base_address(reference.address).partition(".")[0] for reference in references_in(output.value)}
        if types & _DOORS:
            found[name] = url
    return found


def check(doors: Mapping[str, str], *, seconds: float = 60.0) -> list[Answer]:
    """Ask every front door until it answers or the time is over.

    Arguments:
        doors: addresses by name.
        seconds: the longest that all of them are waited for.
    """
    deadline = time.monotonic() + seconds
    return [_ask(name, url, deadline) for name, url in doors.items()]


def _ask(name: str, url: str, deadline: float) -> Answer:
    while True:
        healthy, detail = _once(url)
        if healthy or time.monotonic() + _PAUSE_SECONDS > deadline:
            return Answer(name, url, healthy, detail)
        time.sleep(_PAUSE_SECONDS)


def _once(url: str) -> tuple[bool, str]:
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310  http and https alone
            return True, f"{answer.status}"
    except urllib.error.HTTPError as error:
        return error.code < _SERVER_FAULT, f"{error.code}"
    except (OSError, ValueError) as error:
        return False, str(getattr(error, "reason", error))
