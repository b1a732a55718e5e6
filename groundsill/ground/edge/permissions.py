"""Whether API Gateway may invoke a function: ``aws_lambda_permission``, checked as Lambda checks it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from groundsill.ground.resolved import ResolvedResource

_ACTIONS = frozenset({"lambda:InvokeFunction", "lambda:*", "*"})


@lru_cache(maxsize=1024)
def _pattern(arn_pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(arn_pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def arn_matches(pattern: str, arn: str) -> bool:
    """``ArnLike`` of IAM: ``*`` and ``?`` stand for anything.

    Example:
        >>> arn_matches("arn:aws:execute-api:*:1:abc/*/POST/x", "arn:aws:execute-api:r:1:abc/dev/POST/x")
        True
    """
    return _pattern(pattern).fullmatch(arn) is not None


def route_source_arn(execution_arn: str, stage: str, route_key: str) -> str:
    """The source ARN with which API Gateway calls a function for a route.

    Example:
        >>> route_source_arn("arn:aws:execute-api:us-east-1:1:abc", "dev", "POST /save")
        'arn:aws:execute-api:us-east-1:1:abc/dev/POST/save'
    """
    if route_key == "$default":
        return f"{execution_arn}/{stage}/$default"
    method, _, path = route_key.partition(" ")
    return f"{execution_arn}/{stage}/{'*' if method == 'ANY' else method}{path}"


def may_invoke(
    permissions: Iterable[ResolvedResource], function: str, principal: str, source_arn: str
) -> bool:
    """Whether one of the ``aws_lambda_permission`` resources lets a service call a function.

    Arguments:
        permissions: the resources.
        function: the function's name.
        principal: for example ``apigateway.amazonaws.com``.
        source_arn: what calls.
    """
    from groundsill.ground.functions.runner import function_name

    for permission in permissions:
        given = permission.arguments
        if function_name(str(given.get("function_name"))) != function or given.get("principal") != principal:
            continue
        if given.get("action") not in _ACTIONS:
            continue
        wanted = given.get("source_arn")
        if not wanted or arn_matches(str(wanted), source_arn):
            return True
    return False
