"""What the ground cannot run is listed with its reason, and never passed off as running."""

from __future__ import annotations

from groundsill import Stage
from groundsill import components as c
from groundsill.graph import Graph
from groundsill.ground.provision.attributes import COMPUTED, Place, computed
from groundsill.ground.provision.reasons import RECORDED_ONLY, RUNS, reason_of
from tests.component_support import arguments, build


def define(_: Stage) -> None:
    function = c.Function("f", "functions.f:handle", rollout=c.Rollout(provisioned=1))
    c.HttpApi("http").route("GET /", function)
    c.WebSocketApi("sockets").route("$default", function)
    c.RestApi("rest").route("GET /", function)
    c.Cdn("cdn", bucket=c.Bucket("files", served=True), single_page=True)
    c.EventRule("rule", bus=c.EventBus("events", archive=1), pattern={"source": ["a"]}, targets=[c.Queue("jobs")])


def reasons(graph: Graph) -> dict[str, str | None]:
    return {resource.address: reason_of(resource, graph) for resource in graph if not resource.data}


def test_a_websocket_api_is_recorded_only_with_all_its_parts_while_an_http_api_runs() -> None:
    found = reasons(build(define))
    sockets = {address: reason for address, reason in found.items() if address.split(".")[1].startswith("sockets")
               and address.startswith("aws_apigatewayv2_")}
    assert len(sockets) == 4
    assert set(sockets.values()) == {"the ground cannot run WebSocket APIs yet"}
    assert found["aws_apigatewayv2_api.http"] is None


def test_no_type_both_runs_and_is_recorded_only() -> None:
    assert not RUNS & set(RECORDED_ONLY)


def test_what_others_refer_to_has_attributes_that_stay_the_same() -> None:
    place = Place("us-east-1", "000000000000")
    for resource in build(define):
        if resource.type not in COMPUTED or resource.data:
            continue
        first, second = (computed(place, resource.address, resource.type, arguments(resource)) for _ in range(2))
        assert first == second
        assert first["id"]
