"""Outputs of a system."""

from __future__ import annotations

import json
import re
from typing import Any

from groundsill.definition.arguments import shown
from groundsill.definition.building import current_building
from groundsill.graph import Output, caller_location, resolve

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def output(name: str, value: Any, description: str = "") -> None:
    """Make a value readable after apply: by operators, and by clients through `groundsill outputs`.

    Arguments:
        name: output name, for example ``api_endpoint``.
        value: a reference, or text with references.
        description: what it is for.

    Example:
        ``output("api_endpoint", api.url, "Where the app sends its requests")``
    """
    building = current_building()
    if not isinstance(name, str) or not _NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]
        building.report("GS1410", f"{shown(name)} cannot be the name of an output", subject="output(...)",
                        mend="use letters, digits, hyphens and underscores, beginning with a letter")
        return
    if not isinstance(description, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        building.report("GS1206", "wrong type of `description` for output", f"it takes text, not {shown(description)}",
                        subject=f'output("{name}")')
        return
    try:
        json.dumps(description, ensure_ascii=False).encode()
        json.dumps(resolve(value, str), allow_nan=False, ensure_ascii=False).encode()
    except (RecursionError, TypeError, ValueError) as error:
        building.report("GS1411", f"the value of the output `{name}` cannot be written", f"{shown(value)}: {error}",
                        "use text, numbers, lists and mappings of them, and references", subject=f'output("{name}")')
        return
    building.graph.add_output(Output(name, value, description, location=caller_location(2)))
