"""Whatever a graph or a traffic file holds, an estimate or an error in the one form comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundsill.cost.estimate import estimate
from groundsill.cost.meters import every_service
from groundsill.cost.report import estimate_data, markdown
from groundsill.cost.traffic_template import template
from groundsill.graph import Graph, JsonDocument, Reference, Resource, Unknown
from groundsill.graph.diagnostics import GroundsillError
from groundsill.testing import Definition

ROOT = Path(__file__).resolve().parents[2]
TYPES = sorted({type for service in every_service() for type in (*service.meters, *service.unpriced)})
MANY = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
# Names of arguments that meters look at, so that odd values get there.
NAMES = [
    name
    for line in (
        "type size instance_type instance_class engine multi_az allocated_storage storage_type memory_size timeout",
        "architectures role policy statement Statement Action Resource route_key target integration_uri uri arn topic_arn",
        "protocol subnets subnet_ids internal load_balancer_type billing_mode global_secondary_index replica rule lifecycle",
        "copy_action schedule schedule_expression resources min_size max_size desired_capacity mixed_instances_policy",
        "launch_template override instances_distribution block_device_mappings ebs task_definition desired_count cpu memory",
        "container_definitions network_configuration retention_in_days log_group_class metric_query metric period fixed_rate",
        "reservoir_size origin origin_id domain_name default_cache_behavior target_origin_id policy_details schedule",
        "retain_rule count target_tags tags min_capacity max_capacity resource_id scalable_dimension cluster_identifier",
        "function_name event_source_arn batch_size redrive_policy setting name value point_in_time_recovery enabled",
        "serverlessv2_scaling_configuration provisioned_concurrent_executions node_type num_cache_clusters num_node_groups",
        "tier number_type",
    )
    for name in line.split()
]
references = st.builds(
    lambda type, step: Reference(f"{type}.{step}", ("arn",)), st.sampled_from(TYPES), st.sampled_from("ab")
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10**30),
    st.floats(),
    st.text(max_size=12),
    references,
    st.builds(lambda found: f"x{found}y", references),
    st.builds(lambda found: Unknown("x", (found,)), references),
    st.sampled_from(
        [
            "PAY_PER_REQUEST",
            "Interface",
            "network",
            "WEBSOCKET",
            "db.serverless",
            "cron(0 0 * * ? *)",
            "rate(1 day)",
            "FARGATE",
            "enabled",
            "Active",
            "gp3",
            "io1",
            "arn:aws:bedrock:::foundation-model/amazon.nova-lite-v1:0",
            "bedrock:*",
            "sqs:*",
        ]
    ),
)
values: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
        st.builds(JsonDocument, inner),
    ),
    max_leaves=12,
)
resources = st.builds(
    lambda type, name, arguments, component, data: Resource(type, name, arguments, component=component, data=data),
    st.sampled_from(TYPES),
    st.sampled_from("ab"),
    st.dictionaries(st.sampled_from(NAMES), values, max_size=8),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from([False, False, False, True]),
)


def read(graph: Graph, file: Path | None = None, **given: str) -> None:
    """An estimate, in each of its forms; its sums in order."""
    found = estimate(graph, traffic_file=file, given=given)
    for line in found.lines:
        if line.cost is not None:
            assert 0 <= line.cost.low <= line.cost.expected <= line.cost.high, (
                line.resource.address,
                line.what,
                line.formula,
            )
        else:
            assert line.reason
    for by in ("component", "service", "resource"):
        estimate_data(found, by, found)
    markdown(found, "component", lines=True)
    template(graph)


@MANY
@given(st.lists(resources, max_size=8))
def test_no_graph_is_too_odd_to_be_priced(made: list[Resource]) -> None:
    graph = Graph("odd")
    for resource in made:
        graph.add(resource)
    read(graph)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_whole_system_with_arguments_that_became_unknown_is_priced(data: st.DataObject) -> None:
    whole = Definition(ROOT / "systems" / data.draw(st.sampled_from(["parrot", "open_metabolics"]))).graph("dev")
    graph = Graph(whole.name, whole.stage)
    for resource in whole:
        arguments = dict(resource.arguments)
        for name in data.draw(st.lists(st.sampled_from(sorted(arguments) or ["none"]), max_size=2)):
            arguments[name] = data.draw(values)
        graph.add(Resource(resource.type, resource.name, arguments, component=resource.component, data=resource.data))
    read(graph, ROOT / "systems" / "parrot" / "traffic.toml")


toml_values = st.recursive(
    st.one_of(
        st.integers(-5, 10**20).map(str),
        st.sampled_from(['"1M/day"', '"20 KB"', '"70%"', '"x"', "true", "nan", "inf", "1e400", '"1..2..3"']),
    ),
    lambda inner: st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=3,
)
tables = st.sampled_from(
    [
        "traffic",
        "units",
        "prices",
        "assume",
        "stage",
        "tier",
        "traffic.a",
        "traffic.b",
        "stage.prod",
        "stage.prod.traffic.a",
        "tier.basic.units",
        "other",
        "traffic.a.uses",
        '"traffic.a"',
    ]
)
texts = st.one_of(
    st.text(max_size=80),
    st.lists(
        st.builds(
            lambda table, entries: f"[{table}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items()),
            tables,
            st.dictionaries(
                st.sampled_from(["requests", "a", "b", "messages", "hours", "months", "uses", "routes", "stored"]),
                toml_values,
                max_size=3,
            ),
        ),
        max_size=5,
    ).map("".join),
)


@MANY
@given(texts, st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=2))
def test_no_traffic_file_is_too_odd_to_be_refused(
    tmp_path_factory: Any, text: str, given_values: dict[str, str]
) -> None:
    graph = Graph("shop", "prod", tier="basic")
    graph.add(Resource("aws_lb", "x", {}, component="a"))
    graph.add(Resource("aws_sqs_queue", "x", {}, component="b"))
    file = tmp_path_factory.getbasetemp() / "odd-traffic.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        read(graph, file, **given_values)
    except GroundsillError as error:
        assert all(item.code.startswith("GS42") and item.summary for item in error.diagnostics)
