"""What tells a resource from others when nobody wrote down that it was made; what Terraform's events tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groundsill.aws.schema import type_schema
from groundsill.definition.running import load_system
from groundsill.terraform.children import CHILDREN
from groundsill.terraform.identities import IDENTITIES, MADE_AGAIN, identity
from groundsill.terraform.recovery import spoken_of
from groundsill.terraform.replacements import deposed
from groundsill.terraform.state import kept_objects
from groundsill.terraform.traces import Trace, read_traces

SYSTEMS = sorted(path.parent for path in (Path(__file__).parents[2] / "systems").glob("*/system.py"))
# Found only by what AWS answered: another one of these harms nobody and costs nothing.
HARMLESS = {"aws_api_gateway_deployment", "aws_apigatewayv2_api_mapping"}


def _event(kind: str, address: str, action: str, id: str = "") -> str:
    return json.dumps({"type": kind, "hook": {"resource": {"addr": address}, "action": action, "id_value": id}})


def _traces(tmp_path: Path, *lines: str) -> dict[str, Trace]:
    path = tmp_path / "events"
    path.write_text("\n".join(lines))
    return read_traces(path)


def test_what_was_begun_and_what_was_made_is_told_apart(tmp_path: Path) -> None:
    found = _traces(
        tmp_path, _event("apply_start", "aws_vpc.a", "create"), _event("apply_complete", "aws_vpc.a", "create", "vpc-1"),
        _event("apply_start", "aws_vpc.b", "create"), _event("apply_start", "aws_vpc.c", "update", "vpc-3"),
        '{"type": "apply_complete", "hook": {"resource": {"addr": "aws_vpc.b"')
    assert found == {"aws_vpc.a": Trace("aws_vpc.a", "vpc-1", made=True), "aws_vpc.b": Trace("aws_vpc.b")}
    assert read_traces(tmp_path / "absent") == {}


def test_what_failed_is_told_from_what_was_only_begun(tmp_path: Path) -> None:
    found = _traces(tmp_path, _event("apply_start", "aws_vpc.a", "create"), _event("apply_errored", "aws_vpc.a", "create"))
    assert found == {"aws_vpc.a": Trace("aws_vpc.a", failed=True)}


def test_what_is_destroyed_again_is_not_looked_for(tmp_path: Path) -> None:
    made = [_event("apply_start", "aws_vpc.a", "create"), _event("apply_complete", "aws_vpc.a", "create", "vpc-2")]
    gone = [_event("apply_start", "aws_vpc.a", "delete", "vpc-1"), _event("apply_complete", "aws_vpc.a", "delete")]
    assert _traces(tmp_path, *gone, *made)["aws_vpc.a"] == Trace("aws_vpc.a", "vpc-2", True, "vpc-1")
    assert _traces(tmp_path, *made, *gone)["aws_vpc.a"].resource_id == "vpc-2"  # its replacement was made before
    again = [line.replace("vpc-1", "vpc-2") for line in gone]
    assert _traces(tmp_path, *made, *again) == {}


@pytest.mark.parametrize(("type", "arn", "values", "wanted"), [
    ("aws_nat_gateway", "arn:aws:ec2:us-east-1:1:natgateway/nat-1", {}, "nat-1"),
    ("aws_vpc_endpoint", "arn:aws:ec2:us-east-1:1:vpc/vpc-1", {}, None),
    ("aws_apigatewayv2_api", "arn:aws:apigateway:us-east-1::/apis/a1", {}, "a1"),
    ("aws_apigatewayv2_api", "arn:aws:apigateway:us-east-1::/apis/a1/stages/dev", {}, None),
    ("aws_lb", "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/front/5", {"name": "front"},
     "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/front/5"),
    ("aws_lb", "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/front-2/5", {"name": "front"}, None),
    ("aws_secretsmanager_secret", "arn:aws:secretsmanager:us-east-1:1:secret:shop/keys-aB3dE6", {"name": "shop/keys"},
     "arn:aws:secretsmanager:us-east-1:1:secret:shop/keys-aB3dE6"),
    ("aws_secretsmanager_secret", "arn:aws:secretsmanager:us-east-1:1:secret:shop/keys-more-aB3dE6", {"name": "shop/keys"},
     None),
])
def test_an_identifier_is_read_from_the_arn_of_the_same_kind_and_name(
    type: str, arn: str, values: dict[str, Any], wanted: str | None,
) -> None:
    assert identity(type).id_in(arn, values) == wanted


def test_an_identifier_waits_for_what_it_is_made_of() -> None:
    route = identity("aws_route")
    assert route.text({"destination_cidr_block": "0.0.0.0/0"}) is None
    assert route.text({"destination_cidr_block": "0.0.0.0/0", "route_table_id": "rtb-1"}) == "rtb-1_0.0.0.0/0"


IMPORTS = {
    "aws_subnet.a": "subnet-2", "aws_route_table.a": "rtb-1", "aws_route_table_association.a": "subnet-2/rtb-1",
    "aws_route_table_association.b": "subnet-21/rtb-1", "aws_route.a": "rtb-1_10.0.0.0/16",
    "aws_dynamodb_table.orders": "shop-dev-orders", "aws_lambda_permission.api": "shop-save/AllowApi",
}


@pytest.mark.parametrize(("text", "wanted"), [
    ("No association found between route table ID rtb-1 and target ID subnet-2", "aws_route_table_association.a"),
    ("reading Subnet (subnet-2): InvalidSubnetID.NotFound", "aws_subnet.a"),
    ("Cannot import non-existent remote object: shop-dev-orders", "aws_dynamodb_table.orders"),
    ("couldn't find route in table rtb-1 for 10.0.0.0/16", "aws_route.a"),
    ("reading Lambda Permission (shop-save/AllowApi): ResourceNotFoundException", "aws_lambda_permission.api"),
    ("the security token has expired", None),
])
def test_an_import_that_was_refused_is_told_from_the_others_by_the_error(text: str, wanted: str | None) -> None:
    assert spoken_of(text, IMPORTS) == ([wanted] if wanted else [])


def _both(key: str | None = None) -> dict[str, Any]:
    def resource(name: str, id: str) -> dict[str, Any]:
        instance: dict[str, Any] = {"attributes": {"id": id}, **({"index_key": key} if key else {})}
        return {"mode": "managed", "type": "aws_vpc", "name": name, "instances": [instance]}

    return {"version": 4, "serial": 7, "resources": [resource("a", "new"), resource("a__replaced", "old")]}


@pytest.mark.parametrize("key", [None, "one"])
@pytest.mark.parametrize("new", [False, True])
def test_of_two_objects_the_one_that_has_to_go_is_left_to_the_next_apply(key: str | None, new: bool) -> None:
    state = _both(key)
    address = f'aws_vpc.a["{key}"]' if key else "aws_vpc.a"
    assert deposed(state, address, new=new) and state["serial"] == 8
    (resource,) = state["resources"]
    assert {item["attributes"]["id"]: item.get("deposed") for item in resource["instances"]} == (
        {"new": "00000001", "old": None} if new else {"new": None, "old": "00000001"})
    assert list(kept_objects(state)) == [address] and kept_objects(state)[address]["id"] == ("old" if new else "new")


def test_a_state_without_both_objects_stays_as_it_is() -> None:
    state = _both()
    del state["resources"][1]
    assert not deposed(state, "aws_vpc.a") and state["serial"] == 7 and len(state["resources"][0]["instances"]) == 1


@pytest.mark.parametrize("type", sorted(IDENTITIES))
def test_identities_name_attributes_that_the_type_has(type: str) -> None:
    schema = type_schema(type)
    how = IDENTITIES[type]
    values = {name: f"<{name}>" for name in [*schema.attributes, "account", "partition", "region"]}
    assert how.text(values, "<id>") is not None, how.form
    assert not how.named or how.named in schema.attributes
    assert not how.arn or "tags" in schema.attributes, "what carries no tags cannot be found by them"


def test_everything_that_the_systems_make_is_found_again_or_can_be_made_again() -> None:
    types = {resource.type for folder in SYSTEMS for stage in ("dev", "prod")
             for resource in load_system(folder).examine(stage)[0] if not resource.data and not resource.ephemeral}
    unknown = {name for name in types if name not in MADE_AGAIN and not (
        name in IDENTITIES and (not IDENTITIES[name].needs_id or IDENTITIES[name].arn or name in CHILDREN))}
    assert unknown - HARMLESS == set()
