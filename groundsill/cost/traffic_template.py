"""A ``traffic.toml`` to fill in: where traffic comes into a system, and what is assumed until somebody says better."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from groundsill.cost.meters import every_service
from groundsill.cost.model import Parameter
from groundsill.cost.quantities import Dimension, quantity_text
from groundsill.graph.graph import Graph

_HEAD = """# What `groundsill cost` reckons with. A line that begins with # is what it assumes; take the # away to say better.
# Times: "1M/day", "30k/month". Sizes: "20 KB". Shares: "70%". Not exactly known: "10 ms..20 ms..1 s".

[units]
# What cost is also told for, beside the month and 1,000 requests.
# user = 1000
# session = "30k/month"

[assume]
# Stored data is that of so many months.
# months = 12
"""
_EXAMPLES = {Dimension.RATE: '"100k/month"', Dimension.COUNT: "1000", Dimension.GROWTH: '"1 GB/month"',
             Dimension.STORED: '"10 GB"', Dimension.SIZE: '"2 KB"', Dimension.SHARES: "{ }", Dimension.COUNTS: "{ }"}


def template(graph: Graph) -> str:
    """The text of a file for a graph: entries first, then everything else that can be said, each as a comment."""
    parameters = {type: found for service in every_service() for type, found in service.parameters.items() if found}
    subjects: dict[str, dict[str, Parameter]] = {}
    for resource in graph:
        if not resource.data and resource.type in parameters:
            known = subjects.setdefault(resource.component or resource.address, {})
            known |= {parameter.name: parameter for parameter in parameters[resource.type]}
    entries = [name for name, known in subjects.items() if any(item.entry and item.default is None for item in known.values())]
    doors = [name for name in entries if "response_size" in subjects[name]]
    ordered = dict.fromkeys([*doors, *entries, *subjects])
    return _HEAD + "".join("\n" + "\n".join(_table(name, subjects[name])) + "\n" for name in ordered)


def _table(subject: str, known: dict[str, Parameter]) -> Iterator[str]:
    yield f"[traffic.{subject if re.fullmatch(r'[A-Za-z0-9_-]+', subject) else json.dumps(subject)}]"
    for parameter in known.values():
        yield f"# {parameter.name} = {_value(parameter)}  # {parameter.what.rstrip(':,')}"


def _value(parameter: Parameter) -> str:
    amount = parameter.default
    if amount is None:
        return _EXAMPLES.get(parameter.dimension, "0")
    values = [quantity_text(value, parameter.dimension) for value in (amount.low, amount.expected, amount.high)]
    text = values[1] if amount.exact else "..".join(values)
    return f'"{text.replace(",", "")}"'
