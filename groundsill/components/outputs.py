"""Outputs of a system."""

from __future__ import annotations

from typing import Any

from groundsill.definition.building import current_building
from groundsill.graph import Output, caller_location


def output(name: str, value: Any, description: str = "") -> None:
    """Make a value readable after apply: by operators, and by clients through `groundsill outputs`.

    Arguments:
        name: output name, for example ``api_endpoint``.
        value: a reference, or text with references.
        description: what it is for.

    Example:
        ``output("api_endpoint", api.url, "Where the app sends its requests")``
    """
    current_building().graph.add_output(Output(name, value, description, location=caller_location(2)))
