"""Small graphs, priced."""

from __future__ import annotations

from typing import Any

from groundsill.cost.estimate import Estimate, estimate
from groundsill.cost.model import Line
from groundsill.graph import Graph, JsonDocument, Resource, StatedTraffic


def graph_of(*resources: Resource, traffic: dict[str, dict[str, Any]] | None = None, **about: Any) -> Graph:
    """A graph of resources, with traffic as a definition says it."""
    graph = Graph("shop", "prod", **about)
    for resource in resources:
        graph.add(resource)
    for subject, values in (traffic or {}).items():
        graph.add_traffic(StatedTraffic(subject, values))
    return graph


def priced(*resources: Resource, traffic: dict[str, dict[str, Any]] | None = None) -> Estimate:
    """The estimate of resources; what is said of traffic must be right."""
    found = estimate(graph_of(*resources, traffic=traffic))
    assert not list(found.diagnostics), [item.render() for item in found.diagnostics]
    return found


def line(found: Estimate, address: str, what: str) -> Line:
    """The only line of a resource about something."""
    lines = [item for item in found.lines if item.resource.address == address and item.what == what]
    assert len(lines) == 1, [(item.resource.address, item.what) for item in found.lines]
    return lines[0]


def policy(*statements: tuple[list[str], list[Any]]) -> JsonDocument:
    """An IAM policy of actions and resources."""
    return JsonDocument(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in statements
            ],
        }
    )


def function(name: str = "f", *grants: tuple[list[str], list[Any]], **arguments: Any) -> list[Resource]:
    """A function with a log group, and a role that may call what it is granted."""
    role = Resource("aws_iam_role", name, {"name": name})
    logs = Resource("aws_cloudwatch_log_group", name, {"name": f"/aws/lambda/{name}", "retention_in_days": 30})
    made = Resource(
        "aws_lambda_function",
        name,
        {
            "function_name": name,
            "role": role["arn"],
            "memory_size": 1024,
            "timeout": 30,
            "architectures": ["arm64"],
            **arguments,
        },
    )
    allowed = Resource("aws_iam_role_policy", name, {"role": role["id"], "policy": policy(*grants)})
    return [role, logs, made, allowed]
