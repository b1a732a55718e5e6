"""A plan says what a change does to whoever uses the thing meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundsill.cli.views.plan import render
from groundsill.cli.views.style import Style
from groundsill.graph import Graph, Resource
from groundsill.terraform.changes import read_plan
from groundsill.terraform.review import Review, review


def planned(
    type: str, before: dict[str, Any], after: dict[str, Any], *, replaced_by: str = "", **arguments: Any,
) -> Review:
    """The review of one resource's change."""
    graph = Graph("shop", "prod")
    graph.add(Resource(type, "one", {**after, **arguments}))
    actions = ["delete", "create"] if replaced_by else ["update"]
    change = {"actions": actions, "before": before, "after": after, "replace_paths": [[replaced_by]] if replaced_by else []}
    content = {"resource_changes": [{"address": f"{type}.one", "type": type, "change": change}]}
    return review(read_plan(content, Path("plan")), graph)


def told(found: Review) -> str:
    """Marks as they are shown."""
    return "\n".join(line.strip() for line in render(found, Path("/"), Style()).splitlines() if " ! " in line)


@pytest.mark.requirement("IU-T10")
def test_a_machine_that_is_made_anew_says_why() -> None:
    found = planned("aws_instance", {"ami": "ami-1"}, {"ami": "ami-2"}, replaced_by="ami")
    assert told(found) == ("! the machine is made anew, since ami cannot be changed: it is away for minutes, and what is on its "
                           "root disk is gone")
    assert "made anew" in found.to_dict(Path("/"))["risks"]["aws_instance.one"][0]


@pytest.mark.requirement("IU-T10", "IU-C12")
def test_another_type_stops_a_machine_and_fails_for_one_time_spot_capacity() -> None:
    before, after = {"instance_type": "t4g.micro"}, {"instance_type": "t4g.small"}
    assert "stopped and started" in told(planned("aws_instance", before, after))
    spot = [{"market_type": "spot"}]
    assert "it fails: a one-time spot machine" in told(planned("aws_instance", before, after, instance_market_options=spot))
    kept = [{"market_type": "spot", "spot_options": [{"spot_instance_type": "persistent"}]}]
    assert "stopped and started" in told(planned("aws_instance", before, after, instance_market_options=kept))


@pytest.mark.requirement("IU-C39")
def test_storage_of_a_database_grows_while_it_answers_and_never_shrinks() -> None:
    grown = told(planned("aws_db_instance", {"allocated_storage": 20}, {"allocated_storage": 50}, apply_immediately=True))
    assert grown == "! storage grows while the database answers; for six hours after, it cannot be changed again"
    assert "never shrinks" in told(planned("aws_db_instance", {"allocated_storage": 50}, {"allocated_storage": 20}))


def test_another_class_of_a_database_is_a_failover_or_minutes_without_it() -> None:
    before, after = {"instance_class": "db.t4g.micro"}, {"instance_class": "db.t4g.small"}
    assert "away for minutes" in told(planned("aws_db_instance", before, after))
    assert "failover" in told(planned("aws_db_instance", before, after, multi_az=True))
    assert "maintenance window" in told(planned("aws_db_instance", before, after))
    assert not told(planned("aws_db_instance", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}))
