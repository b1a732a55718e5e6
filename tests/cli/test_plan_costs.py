"""What a plan changes in cost: updates, replacements and what is taken away, against the state that it starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundsill.cli.plan_costs import PlanCosts, plan_costs
from groundsill.graph import Graph, Resource
from groundsill.terraform.changes import read_plan

HOURS = 730


def definition() -> Graph:
    """A volume, a machine and a table."""
    graph = Graph("shop", "prod")
    graph.add(Resource("aws_ebs_volume", "data", {"type": "gp3", "size": 200}, component="disk"))
    graph.add(Resource("aws_instance", "web", {"instance_type": "t4g.medium"}, component="web"))
    graph.add(Resource("aws_eip", "same", {"domain": "vpc"}, component="address"))
    return graph


def state(*resources: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    """A state as Terraform's JSON."""
    return {
        "format_version": "1.0",
        "terraform_version": "1.11.4",
        "values": {
            "root_module": {
                "resources": [
                    {"address": f"{type}.{name}", "mode": "managed", "type": type, "name": name, "values": values}
                    for type, name, values in resources
                ]
            }
        },
    }


def change(type: str, name: str, actions: list[str], before: Any, after: Any, **more: Any) -> dict[str, Any]:
    return {
        "address": f"{type}.{name}",
        "type": type,
        "change": {"actions": actions, "before": before, "after": after},
        **more,
    }


def costs(folder: Path, *changes: dict[str, Any], prior: dict[str, Any]) -> PlanCosts:
    plan = read_plan({"resource_changes": list(changes), "prior_state": prior}, folder / "plan")
    found, problems = plan_costs(plan, definition(), folder)
    assert found is not None and not list(problems)
    return found


def test_what_a_replacement_has_left_is_not_taken_for_what_stands_at_its_address(tmp_path: Path) -> None:
    found = costs(
        tmp_path,
        change("aws_ebs_volume", "data", ["delete"], {"type": "gp3", "size": 200}, None, deposed="00000001"),
        prior=state(("aws_ebs_volume", "data", {"type": "gp3", "size": 200})),
    )
    assert found.change == 0


def test_an_update_costs_the_difference_of_what_it_changes(tmp_path: Path) -> None:
    found = costs(
        tmp_path,
        change("aws_ebs_volume", "data", ["update"], {"type": "gp3", "size": 100}, {"type": "gp3", "size": 200}),
        prior=state(("aws_ebs_volume", "data", {"type": "gp3", "size": 100})),
    )
    assert found.by_component["disk"].change == pytest.approx(100 * 0.08)
    assert found.change == pytest.approx(100 * 0.08)
    assert [name for name, item in found.by_component.items() if item.differs] == ["disk"]


def test_a_replacement_costs_the_difference_too(tmp_path: Path) -> None:
    found = costs(
        tmp_path,
        change(
            "aws_instance", "web", ["delete", "create"], {"instance_type": "t4g.small"}, {"instance_type": "t4g.medium"}
        ),
        prior=state(("aws_instance", "web", {"instance_type": "t4g.small"})),
    )
    assert found.change == pytest.approx(HOURS * (0.0336 - 0.0168))


def test_what_is_taken_away_is_saved(tmp_path: Path) -> None:
    gone = {"subnet_id": "subnet-1", "tags": {"Component": "network"}}
    found = costs(
        tmp_path,
        change("aws_nat_gateway", "main", ["delete"], gone, None),
        prior=state(("aws_nat_gateway", "main", gone)),
    )
    assert found.by_component["network"].change == pytest.approx(-HOURS * 0.045, abs=0.1)
    assert found.to_dict()["change"] == pytest.approx(found.change)


def test_a_renamed_resource_costs_nothing_more(tmp_path: Path) -> None:
    found = costs(
        tmp_path,
        change(
            "aws_ebs_volume", "data", ["no-op"], {"size": 200}, {"size": 200}, previous_address="aws_ebs_volume.old"
        ),
        change("aws_eip", "same", ["update"], {"domain": "x"}, {"domain": "vpc"}),
        prior=state(("aws_ebs_volume", "data", {"type": "gp3", "size": 200}), ("aws_eip", "same", {"domain": "x"})),
    )
    assert found.change == 0


def test_a_plan_that_changes_nothing_is_not_priced(tmp_path: Path) -> None:
    found, problems = plan_costs(read_plan({"resource_changes": []}, tmp_path / "plan"), definition(), tmp_path)
    assert found is None and not list(problems)


@pytest.mark.parametrize("prior", [{}, {"values": None}, {"values": {"root_module": {"resources": [{"address": 3}]}}}])
def test_a_state_that_tells_nothing_breaks_nothing(tmp_path: Path, prior: dict[str, Any]) -> None:
    plan = read_plan(
        {
            "resource_changes": [
                change("aws_ebs_volume", "data", ["update"], {"size": 100}, {"size": 200}),
                change("aws_eip", "gone", ["delete"], {}, None),
            ],
            "prior_state": prior,
        },
        tmp_path / "plan",
    )
    found, problems = plan_costs(plan, definition(), tmp_path)
    assert found is not None and not list(problems)
