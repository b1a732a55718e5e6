"""What can be known before apply: references are followed, what nobody knows stays unknown."""

from __future__ import annotations

from groundsill.graph import UNKNOWN, Graph, JsonDocument, Reference, Resource, Unknown, Variable, View


def test_a_reference_to_a_written_value_is_that_value_and_one_to_an_id_stays_a_reference() -> None:
    graph = Graph()
    vpc = graph.add(Resource("aws_vpc", "main", {"cidr_block": "10.0.0.0/16"}))
    subnet = graph.add(Resource("aws_subnet", "a", {"vpc_id": vpc["id"], "tags": {"Range": f"in {vpc['cidr_block']}"}}))
    view = View(graph)
    assert view.get(subnet, "tags", "Range") == "in 10.0.0.0/16"
    assert view.get(subnet, "vpc_id") == Reference("aws_vpc.main", ("id",))
    assert view.known(subnet, "vpc_id") is UNKNOWN
    assert view.target(subnet, "vpc_id") is vpc
    assert [resource.address for resource in view.referring(vpc, "aws_subnet")] == ["aws_subnet.a"]


def test_absent_and_unknown_are_two_things() -> None:
    graph = Graph()
    queue = graph.add(Resource("aws_sqs_queue", "q", {"name": Unknown("local.name"), "tags": None}))
    view = View(graph)
    assert view.get(queue, "delay_seconds", default=0) == 0
    assert view.get(queue, "tags", default="none") == "none"
    assert isinstance(view.get(queue, "name", default="x"), Unknown)
    assert view.get(queue, "name", "inner") == Unknown("local.name")


def test_a_variable_with_a_default_is_known_unless_it_is_secret() -> None:
    graph = Graph()
    graph.add_variable(Variable("size", "", default=3))
    graph.add_variable(Variable("password", "", default="x", sensitive=True))
    resource = graph.add(Resource("aws_x", "x", {"size": Reference("var.size"), "password": Reference("var.password")}))
    assert View(graph).get(resource, "size") == 3
    assert View(graph).get(resource, "password") == Reference("var.password")


def test_references_in_a_circle_end_as_unknown() -> None:
    graph = Graph()
    graph.add(Resource("aws_x", "a", {"v": Reference("aws_x.b", ("v",))}))
    graph.add(Resource("aws_x", "b", {"v": Reference("aws_x.a", ("v",))}))
    assert View(graph).get(graph["aws_x.a"], "v") == UNKNOWN


def test_blocks_and_documents_are_read_through() -> None:
    graph = Graph()
    resource = graph.add(Resource("aws_x", "a", {
        "rule": [{"port": 80}, {"port": 443}], "one": {"port": 22}, "policy": JsonDocument({"Statement": [{"Sid": "A"}]}),
    }))
    view = View(graph)
    assert [block["port"] for block in view.blocks(resource, "rule")] == [80, 443]
    assert [block["port"] for block in view.blocks(resource, "one")] == [22]
    assert view.get(resource, "rule", "port") == 80
    assert view.get(resource, "policy", "Statement", 0, "Sid") == "A"


def test_instances_and_modules_have_terraforms_addresses() -> None:
    resource = Resource("aws_subnet", "public", module="module.network", key=0)
    assert resource.address == "module.network.aws_subnet.public[0]"
    assert Resource("aws_subnet", "public", key="a").address == 'aws_subnet.public["a"]'
    assert Resource("aws_vpc", "main", data=True, module="module.a").address == "module.a.data.aws_vpc.main"
