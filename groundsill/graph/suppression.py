"""What the user has looked at and lives with."""

from __future__ import annotations

import re
from typing import NamedTuple

from groundsill.graph.resource import Resource
from groundsill.graph.source import SourceLocation


class Suppression(NamedTuple):
    """A finding that the user has looked at and lives with.

    Arguments:
        rule: id of the rule, for example ``bucket-without-access-log``.
        subject: name of a component, or address of a resource, that it is about; in an address ``*`` stands for anything.
            Empty for the whole system.
        reason: why, in the user's words; shown in every report.
        location: line in the user's file.
    """

    rule: str
    subject: str
    reason: str
    location: SourceLocation | None = None

    def covers(self, resource: Resource | None) -> bool:
        """Whether it is about a resource; None is the graph as a whole.

        Example:
            >>> hook = Resource("aws_api_gateway_method", "api_post_hook", component="api")
            >>> [Suppression("r", about, "why").covers(hook) for about in ("", "api", "aws_api_gateway_method.api_*", "x")]
            [True, True, True, False]
        """
        if not self.subject:
            return True
        if resource is None:
            return False
        if self.subject in (resource.component, resource.address):
            return True
        return "*" in self.subject and bool(
            re.fullmatch(".*".join(re.escape(part) for part in self.subject.split("*")), resource.address))
