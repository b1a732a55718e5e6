"""The picture of a system: everything in its place, nothing on top of another, the same bytes for the same graph."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.definition.running import load_system
from groundsill.diagram.draw import layout_of, picture_of
from groundsill.diagram.layout import Box, Layout, assigned
from groundsill.diagram.mermaid import mermaid
from groundsill.diagram.model import Overlay
from groundsill.diagram.svg import svg
from groundsill.graph import UNKNOWN, Graph, Reference, Resource, Unknown

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = ROOT / "systems"
STAGES = [(folder.name, stage) for folder in sorted(SYSTEMS.iterdir()) if (folder / "system.py").is_file()
          for stage in load_system(folder).stages]


@cache
def graph_of(system: str, stage: str) -> Graph:
    return load_system(SYSTEMS / system).build(stage)


@cache
def drawn(system: str, stage: str) -> Layout:
    return layout_of(graph_of(system, stage))


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def inside(inner: tuple[float, float, float, float], outer: Box) -> bool:
    x, y, width, height = inner
    return outer.x <= x and x + width <= outer.x + outer.width and outer.y <= y and y + height <= outer.y + outer.height


def cards(layout: Layout) -> list[tuple[float, float, float, float]]:
    return [(placed.x, placed.y, placed.width, placed.card.height) for placed in layout.cards]


@pytest.mark.parametrize("costs", [False, True])
@pytest.mark.parametrize(("system", "stage"), STAGES)
def test_no_card_lies_on_another_and_every_box_holds_what_is_in_it(system: str, stage: str, costs: bool) -> None:
    graph = graph_of(system, stage)
    layout = layout_of(graph, Overlay({resource.address: 10.0 for resource in graph} if costs else {}))
    assert not [pair for pair in combinations(cards(layout), 2) if overlap(*pair)]
    boxes = {box.kind: box for box in layout.boxes}
    for placed, rectangle in zip(layout.cards, cards(layout), strict=True):
        place = placed.card.place
        if placed.card.title == "People":
            continue
        assert inside(rectangle, boxes["account"])
        if place.region:
            assert inside(rectangle, boxes["region"])
        if place.vpc:
            assert inside(rectangle, boxes["vpc"])
            assert inside(rectangle, boxes[place.tier])
    holders = [box for box in layout.boxes if box.kind in ("public", "private", "isolated", "operations")]
    for box in layout.boxes:
        if box.kind == "chip":
            assert any(inside((box.x, box.y, box.width, box.height), holder) for holder in holders)
    assert all(box.x >= 0 and box.x + box.width <= layout.width and box.y + box.height <= layout.height for box in layout.boxes)


@pytest.mark.parametrize(("system", "stage"), STAGES)
def test_no_line_runs_under_a_card_or_along_another(system: str, stage: str) -> None:
    layout = drawn(system, stage)
    for line in layout.lines:
        for (ax, ay), (bx, by) in zip(line.points, line.points[1:], strict=False):
            assert ax == bx or ay == by
            x, y, width, height = min(ax, bx), min(ay, by), abs(ax - bx), abs(ay - by)
            hit = [card for card in cards(layout) if overlap((x + 0.1, y + 0.1, width - 0.2, height - 0.2), card)
                   and (width or height)]
            assert not hit, (line.source, line.target, line.points)
    uprights = [(line.points[1][0], min(ay, by), max(ay, by), line) for line in layout.lines
                for (ax, ay), (bx, by) in zip(line.points, line.points[1:], strict=False) if ax == bx and ax == line.points[1][0]]
    for (x, top, bottom, one), (other_x, other_top, other_bottom, other) in combinations(uprights, 2):
        if x == other_x and top < other_bottom and other_top < bottom:
            assert one.kind == other.kind
            assert one.source == other.source or one.target == other.target


@pytest.mark.parametrize(("system", "stage"), STAGES)
def test_the_same_definition_gives_the_same_picture_and_it_is_well_formed(system: str, stage: str) -> None:
    graph = graph_of(system, stage)
    for theme in ("auto", "light", "dark"):
        text = svg(layout_of(graph), theme=theme)
        assert text == svg(layout_of(load_system(SYSTEMS / system).build(stage)), theme=theme)
        ET.fromstring(text)


def edges(system: str, stage: str) -> set[tuple[str, str, str, str]]:
    picture, _ = picture_of(graph_of(system, stage))
    return {(picture.nodes[edge.source].label, picture.nodes[edge.target].label, str(edge.kind), edge.label)
            for edge in picture.edges}


def test_arrows_say_what_goes_where() -> None:
    found = edges("open_metabolics", "dev")
    assert ("api", "save-raw-sensor-data", "invoke", "POST /save-raw-sensor-data") in found
    assert ("save-raw-sensor-data", "raw-sensor-data", "data", "write") in found
    assert ("energy-jobs", "energy-worker", "invoke", "consume") in found
    assert ("energy-jobs", "energy-jobs-dead", "invoke", "after 3") in found
    assert ("api", "front", "invoke", "ANY /energy/{proxy+}") in found
    assert ("front", "energy-api", "invoke", ":80") in found
    assert ("users", "sender", "data", "send mail") in found
    parrot = edges("parrot", "prod")
    assert {("zone", "front", "network", "alias"), ("front", "backend", "invoke", "/api/*"),
            ("backend", "db", "network", ":5432"), ("backend", "app-env", "data", "read")} <= parrot
    multitask = edges("multitask", "prod")
    assert ("chat-messages", "changes-lambda", "invoke", "stream") in multitask
    assert ("multitask-events", "multitask-notifications", "invoke", "multitask-notify") in multitask
    assert ("chat-lambda", "chat-redis", "network", ":6379") in multitask


def test_things_stand_in_the_subnets_that_they_run_in() -> None:
    picture, entries = picture_of(graph_of("parrot", "prod"))
    tiers = {node.label: node.place.tier for node in picture.nodes.values()}
    assert (tiers["front"], tiers["backend"], tiers["db"], tiers["app-env"]) == ("public", "private", "private", "")
    assert [picture.nodes[entry].label for entry in entries] == ["zone"]
    zones = [node.zones for node in picture.nodes.values() if node.service == "NAT gateway"]
    assert zones == [("us-east-1a",), ("us-east-1b",)]


def test_costs_and_findings_are_shown_on_what_they_belong_to() -> None:
    graph = graph_of("parrot", "prod")
    database = next(resource for resource in graph if resource.type == "aws_db_instance")
    overlay = Overlay({database.address: 25.0}, {database.address: ("medium", "high")})
    text = svg(layout_of(graph, overlay), costs=True, findings=True)
    assert ">$25<" in text
    assert 'class="finding high"' in text
    assert "2 findings, the worst high" in text
    picture, entries = picture_of(graph)
    assert "$25 a month<br>2 findings" in mermaid(picture, entries, overlay)


def test_names_are_text_wherever_they_go() -> None:
    graph = Graph("a<b>&\"c", "dev")
    graph.add(Resource("aws_sqs_queue", "q", {"name": "</text><script>alert(1)</script>\"]"}))
    text = svg(layout_of(graph))
    assert "<script" not in text
    ET.fromstring(text)
    picture, entries = picture_of(graph)
    drawn_text = mermaid(picture, entries)
    assert "<script" not in drawn_text
    assert '"]' not in drawn_text.replace('"]\n', "")


def test_an_empty_graph_and_one_of_unknowns_are_drawn_all_the_same() -> None:
    ET.fromstring(svg(layout_of(Graph())))
    graph = Graph("x")
    for number, type in enumerate(["aws_lambda_function", "aws_ecs_service", "aws_lb", "aws_db_instance", "aws_vpc", "aws_subnet",
                                   "aws_lb_listener_rule", "aws_iam_role_policy", "aws_security_group", "aws_route"]):
        graph.add(Resource(type, f"r{number}", dict.fromkeys(
            ("name", "role", "subnets", "vpc_config", "policy", "condition", "action", "ingress", "subnet_id", "cidr_block",
             "route_table_id", "gateway_id", "desired_count", "memory_size", "tags", "launch_template"),
            UNKNOWN if number % 2 else Unknown("x", (Reference("aws_vpc.r4", ("id",)),)))))
    ET.fromstring(svg(layout_of(graph)))


SPANS = st.tuples(st.integers(0, 50), st.integers(0, 20)).map(lambda span: (float(span[0]), float(sum(span))))


@given(st.lists(SPANS, max_size=30))
def test_spans_in_one_lane_never_overlap(spans: list[tuple[float, float]]) -> None:
    lanes, count = assigned(spans)
    assert count == (max(lanes) + 1 if lanes else 0)
    for (one, first), (other, second) in combinations(zip(lanes, spans, strict=True), 2):
        assert one != other or first[1] < second[0] or second[1] < first[0]


def test_the_pictures_in_the_documents_are_those_of_the_systems_as_they_are() -> None:
    specification = importlib.util.spec_from_file_location("generate_pictures", ROOT / "scripts" / "generate_pictures.py")
    assert specification and specification.loader
    generator = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generator)
    stale = [system for system in generator.SYSTEMS
             if (generator.PICTURES / f"{system.replace('_', '-')}.svg").read_text() != generator.picture(system)]
    assert not stale, "run `make docs`"
