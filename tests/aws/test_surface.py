"""What a user gets from ``aws.<type>(...)``: a resource, or an error that says what to do."""

from __future__ import annotations

import copy
import importlib
import math
import pickle
from typing import Any

import pytest

from groundsill import aws
from groundsill.aws import Lifecycle
from groundsill.graph import Graph, GroundsillError, JsonDocument, Reference, Resource, Scope, SourceLocation
from groundsill.graph.reference import Broken
from groundsill.graph.scope import Frame


class _Huge(int):
    """A number whose text Python refuses to make; named, so that the test has a name."""

    def __repr__(self) -> str:
        raise ValueError

    __str__ = __repr__


HUGE = _Huge(10**5000)


def mistakes(define: Any) -> list[tuple[str, str]]:
    """Codes and summaries of what is wrong with a definition."""
    scope = Scope(Graph("shop", "dev"))
    with scope.active():
        define()
    return [(diagnostic.code, diagnostic.summary) for diagnostic in scope.diagnostics]


# -- what fits
# ---------------------------------------------------------------------------------------------------------


def test_a_resource_has_its_terraform_address_and_its_arguments() -> None:
    queue = aws.sqs_queue("jobs", name="energy-jobs", visibility_timeout_seconds=60)
    assert queue.address == "aws_sqs_queue.jobs"
    assert queue.arguments == {"name": "energy-jobs", "visibility_timeout_seconds": 60}


def test_a_data_source_is_one() -> None:
    me = aws.data.caller_identity("me")
    assert me.address == "data.aws_caller_identity.me"
    assert me.account_id.expression == "data.aws_caller_identity.me.account_id"


def test_attributes_are_references_usable_in_strings_lists_and_maps() -> None:
    table = aws.dynamodb_table("raw", name="raw", hash_key="id", attribute={"name": "id", "type": "S"})
    function = aws.lambda_function(
        "f",
        function_name="f",
        role="arn:role",
        layers=[table.arn],
        environment={"variables": {"T": f"x-{table.arn}"}},
    )
    assert [reference.expression for reference in function.references()] == ["aws_dynamodb_table.raw.arn"] * 2
    assert table["name"].expression == "aws_dynamodb_table.raw.name"


@pytest.mark.parametrize(
    ("given", "kept"), [({"attribute_name": "x"}, 1), ([{"attribute_name": "x"}, None], 1), ([], 0)]
)
def test_a_single_mapping_stands_for_a_list_of_one_block(given: Any, kept: int) -> None:
    table = aws.dynamodb_table("t", name="t", hash_key="id", ttl=given)
    assert table.arguments.get("ttl", []) == [{"attribute_name": "x"}] * kept


def test_a_block_that_terraform_allows_once_stays_a_mapping() -> None:
    queue = aws.sqs_queue("q", timeouts=[{"create": "5m"}])
    assert queue.arguments["timeouts"] == {"create": "5m"}


def test_what_terraform_converts_is_converted() -> None:
    queue = aws.sqs_queue(
        "q", name=5, delay_seconds="30", fifo_queue="true", tags={"a": True, "b": 1.0, "c": 2.5, "d": None}
    )
    assert queue.arguments == {
        "name": "5",
        "delay_seconds": 30,
        "fifo_queue": True,
        "tags": {"a": "true", "b": "1", "c": "2.5"},
    }


def test_a_structure_becomes_a_json_document_where_json_is_meant() -> None:
    queue = aws.sqs_queue("q", policy={"Statement": []}, redrive_policy=JsonDocument({"maxReceiveCount": 3}))
    assert queue.arguments["policy"] == JsonDocument({"Statement": []})
    task = aws.ecs_task_definition("t", family="t", container_definitions=[{"name": "x"}])
    assert task.arguments["container_definitions"] == JsonDocument([{"name": "x"}])


def test_a_set_is_kept_in_one_order() -> None:
    first = aws.lb("l", subnets={"c", "a", "b"})
    assert first.arguments["subnets"] == ["a", "b", "c"]


def test_a_python_keyword_is_written_with_an_underscore() -> None:
    rule = aws.iot_topic_rule(
        "r", name="r", enabled=True, sql="x", sql_version="1", lambda_={"function_arn": "arn"}
    )
    assert rule.arguments["lambda"] == [{"function_arn": "arn"}]


# -- what does not fit
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ({"naem": "x"}, "GS1101", "did you mean `name`?"),
        ({"name": ["x"]}, "GS1102", "it takes a string, not list ['x']"),
        ({"name": {"a": 1}}, "GS1102", "not dict"),
        ({"delay_seconds": True}, "GS1102", "it takes a number, not bool True"),
        ({"delay_seconds": "soon"}, "GS1102", "it takes a number"),
        ({"delay_seconds": math.nan}, "GS1102", "it takes a number"),
        ({"fifo_queue": 1}, "GS1102", "write True or False"),
        ({"fifo_queue": "yes"}, "GS1102", "write True or False"),
        ({"tags": ["a"]}, "GS1102", "it takes a map of string"),
        ({"tags": {1: "a"}}, "GS1102", "string as each key"),
        ({"tags": {"a": ["b"]}}, "GS1102", "`tags.a`"),
        ({"arn": "x"}, "GS1105", "leave `arn` out"),
        ({"id": "x"}, "GS1105", "leave `id` out"),
        ({"timeouts": "5m"}, "GS1102", "it takes a mapping, or list of mappings"),
        ({"timeouts": [{}, {}]}, "GS1104", "2 given, at most 1 allowed"),
        ({"policy": {"a": {1, 2}}}, "GS1102", "`policy.a`"),
        ({"count": 3}, "GS1110", "write a Python loop"),
        ({"region": "mars"}, "GS1110", "'mars' is not the name of an AWS region"),
        ({"lifecycle": {"prevent_destroy": True}}, "GS1110", "it takes a Lifecycle"),
        ({"lifecycle": Lifecycle(ignore_changes=("naem",))}, "GS1110", "did you mean `name`?"),
        ({"depends_on": ["nothing"]}, "GS1110", "neither a resource nor an address"),
        ({"name": "\ud800"}, "GS1102", "half of a character"),
        ({"name": "\ue000x"}, "GS1102", "keeps for references"),
        ({"delay_seconds": HUGE}, "GS1102", "Terraform's range"),
        ({"policy": {"a": HUGE}}, "GS1102", "Terraform's range"),
        ({"region": HUGE}, "GS1110", "not the name of an AWS region"),
    ],
)
def test_a_mistake_names_the_argument_and_the_mend(arguments: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(GroundsillError) as caught:
        aws.sqs_queue("q", **arguments)
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == code
    assert words in diagnostic.render()
    assert diagnostic.subject == 'aws.sqs_queue("q")'
    assert diagnostic.location is not None and diagnostic.location.file == __file__


def test_nested_mistakes_name_their_whole_path() -> None:
    found = mistakes(
        lambda: aws.dynamodb_table(
            "t", name="t", attribute=[{"name": "id", "type": "S"}, {"name": ["x"], "typ": "S"}]
        )
    )
    assert found == [
        ("GS1102", "wrong type for `attribute[1].name` of aws_dynamodb_table"),
        ("GS1101", "unknown argument `attribute[1].typ` for aws_dynamodb_table"),
        ("GS1103", "missing required argument `attribute[1].type` of aws_dynamodb_table"),
    ]


def test_all_mistakes_of_one_resource_are_raised_together() -> None:
    with pytest.raises(GroundsillError) as caught:
        aws.eks_cluster("c", nam="c", enabled_cluster_log_types="api")
    assert sorted(item.code for item in caught.value.diagnostics) == [
        "GS1101",
        "GS1102",
        "GS1103",
        "GS1103",
        "GS1103",
    ]


def test_too_few_blocks_are_counted() -> None:
    with pytest.raises(GroundsillError, match="too few `default_action` blocks for aws_lb_listener"):
        aws.lb_listener("l", load_balancer_arn="arn", default_action=[])


def test_a_deprecated_argument_is_a_warning_and_stays() -> None:
    scope = Scope(Graph())
    with scope.active():
        bucket = aws.s3_bucket("b", acl="private")
    assert [(item.code, str(item.severity)) for item in scope.diagnostics] == [("GS1106", "warning")]
    assert bucket.arguments["acl"] == "private"
    assert aws.s3_bucket("b", acl="private").arguments == {"acl": "private"}


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: aws.dynamodb_tabel, "did you mean `dynamodb_table`"),
        (lambda: aws.aws_sqs_queue, "write `sqs_queue`"),
        (lambda: aws.caller_identity, "there is a data source type of this name: `aws.data.caller_identity`"),
        (lambda: aws.data.dynamodb_tabel, "unknown data source type `aws_dynamodb_tabel`"),
    ],
)
def test_an_unknown_type_is_said_clearly(use: Any, words: str) -> None:
    with pytest.raises(GroundsillError) as caught:
        use()
    assert words in str(caught.value) and "GS1107" in str(caught.value)


def test_an_unknown_attribute_is_found_where_it_is_read() -> None:
    queue = aws.sqs_queue("q")
    for read in (lambda: queue.arnn, lambda: queue["arnn"]):
        with pytest.raises(GroundsillError, match="did you mean `arn`"):
            read()


def test_a_reference_of_the_wrong_type_is_found_before_terraform_does() -> None:
    queue, group = aws.sqs_queue("q"), aws.security_group("g")
    with pytest.raises(GroundsillError, match=r"wrap it in a list: \[aws_sqs_queue.q.arn\]"):
        aws.lb("l", subnets=queue.arn)
    with pytest.raises(GroundsillError, match="is a set of object"):
        aws.sqs_queue("r", name=group.ingress)
    with pytest.raises(GroundsillError, match=r"not the whole resource aws_sqs_queue\.q"):
        aws.sqs_queue("r", name=queue)


def test_a_variable_fits_everywhere() -> None:
    anything = Reference("var.anything")
    assert aws.sqs_queue(
        "q", name=anything, delay_seconds=anything, fifo_queue=f"{anything}", tags=anything
    ).arguments


def test_an_invalid_name_is_said_and_a_usable_one_taken() -> None:
    scope = Scope(Graph())
    with scope.active():
        queue = aws.sqs_queue("2 jobs")
    assert [item.code for item in scope.diagnostics] == ["GS1109"]
    assert queue.address == "aws_sqs_queue._2_jobs"


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(GroundsillError) as caught:
        aws.db_instance("d", instance_class="db.t4g.micro", password=["hunter2"])
    assert "hunter2" not in str(caught.value)


# -- inside a definition
# -----------------------------------------------------------------------------------------------


def test_mistakes_are_collected_and_the_rest_of_the_definition_is_read() -> None:
    scope = Scope(Graph("shop", "dev"))
    with scope.active():
        queue = aws.sqs_queue("jobs", naem="x", delay_seconds=3)
        aws.sqs_queue_policy("jobs", queue_url=queue.url, policy=queue.arnn)
        _ = aws.sqs_queu("x", anything=1).arn.whatever
    assert [item.code for item in scope.diagnostics] == ["GS1101", "GS1108", "GS1107"]
    assert list(scope.graph.resources) == ["aws_sqs_queue.jobs", "aws_sqs_queue_policy.jobs"]
    assert queue.arguments == {"delay_seconds": 3}


def test_a_component_gives_its_name_its_place_and_its_tags() -> None:
    place = SourceLocation("/shop/system.py", 12)
    scope = Scope(Graph("shop", "dev"), tags={"Project": "shop", "Stage": "dev"})
    with scope.active(), scope.lowering(Frame("jobs", 'Queue("jobs")', place, {"Component": "jobs"})):
        queue = aws.sqs_queue("jobs", naem="x", tags={"Stage": "mine", "Project": None})
    assert (queue.component, queue.location, queue.subject) == ("jobs", place, 'Queue("jobs")')
    assert queue.arguments["tags"] == {"Stage": "mine", "Component": "jobs"}
    [diagnostic] = scope.diagnostics
    assert (diagnostic.location, diagnostic.subject) == (place, 'Queue("jobs")')


def test_tags_go_where_a_type_can_carry_them_and_nowhere_else() -> None:
    scope = Scope(Graph("shop", "dev"), tags={"Project": "shop"})
    with scope.active():
        assert "tags" not in aws.sqs_queue_policy("p", queue_url="u", policy="{}").arguments
        assert "tags" not in aws.data.vpc("v").arguments
        assert aws.sqs_queue("r", tags=Reference("var.tags")).arguments["tags"] == Reference("var.tags")
        group = aws.autoscaling_group(
            "g", max_size=1, min_size=1, tag={"key": "Name", "value": "w", "propagate_at_launch": False}
        )
    assert group.arguments["tag"] == [
        {"key": "Name", "value": "w", "propagate_at_launch": False},
        {"key": "Project", "value": "shop", "propagate_at_launch": True},
    ]


def test_another_region_declares_its_provider() -> None:
    scope = Scope(Graph("shop", "dev", "us-east-1"))
    with scope.active():
        assert aws.acm_certificate("a", domain_name="x", region="eu-west-1").provider == "eu_west_1"
        assert aws.acm_certificate("b", domain_name="x", provider="us-east-1").provider is None
        assert aws.acm_certificate("c", domain_name="x", provider="other").provider == "other"
    assert [provider.alias for provider in scope.graph.providers] == [None, "eu_west_1"]


def test_a_type_with_a_region_of_its_own_keeps_it() -> None:
    queue = aws.config_aggregate_authorization("a", account_id="1", region="eu-west-1")
    assert queue.arguments["region"] == "eu-west-1" and queue.provider is None


def test_depends_on_takes_resources_references_and_addresses() -> None:
    bucket = aws.s3_bucket("b")
    queue = aws.sqs_queue(
        "q", depends_on=[bucket, Resource("aws_x", "y"), bucket.arn, "data.aws_vpc.v", Broken(), None]
    )
    assert queue.depends_on == ("aws_s3_bucket.b", "aws_x.y", "aws_s3_bucket.b", "data.aws_vpc.v")
    assert aws.sqs_queue("q", depends_on=bucket).depends_on == ("aws_s3_bucket.b",)


def test_a_thing_that_could_not_be_built_fits_everywhere() -> None:
    assert (
        mistakes(
            lambda: aws.dynamodb_table("t", name=Broken(), ttl=Broken(), attribute=[Broken()], tags=Broken())
        )
        == []
    )


# -- override
# ----------------------------------------------------------------------------------------------------------


def test_override_merges_mappings_and_single_blocks_and_replaces_lists() -> None:
    table = aws.dynamodb_table(
        "t",
        name="t",
        hash_key="a",
        attribute=[{"name": "a", "type": "S"}],
        tags={"x": "1", "y": "2"},
        ttl={"enabled": True, "attribute_name": "at"},
        range_key="b",
    )
    table.override(
        deletion_protection_enabled=True,
        ttl={"attribute_name": "gone"},
        tags={"x": None, "z": 3},
        range_key=None,
        attribute=[{"name": "b", "type": "N"}],
    )
    assert table.arguments == {
        "name": "t",
        "hash_key": "a",
        "attribute": [{"name": "b", "type": "N"}],
        "tags": {"y": "2", "z": "3"},
        "ttl": [{"enabled": True, "attribute_name": "gone"}],
        "deletion_protection_enabled": True,
    }


def test_override_is_checked_and_keeps_what_was_there_on_a_mistake() -> None:
    scope = Scope(Graph())
    with scope.active():
        queue = aws.sqs_queue("q", name="q", delay_seconds=3)
        queue.override(delay_seconds="soon", naem="x", max_message_size=1024)
    assert [item.code for item in scope.diagnostics] == ["GS1102", "GS1101"]
    assert queue.arguments == {"name": "q", "delay_seconds": 3, "max_message_size": 1024}
    with pytest.raises(GroundsillError, match="missing required argument `policy`"):
        aws.sqs_queue_policy("p", queue_url="u", policy="{}").override(policy=None)


def test_override_without_a_mistake_raises_nothing_about_old_ones() -> None:
    bucket = aws.s3_bucket("b", acl="private")
    assert bucket.override(bucket="x").arguments == {"acl": "private", "bucket": "x"}


# -- odd uses
# ----------------------------------------------------------------------------------------------------------


def test_a_structure_that_contains_itself_is_a_mistake_and_not_a_crash() -> None:
    circle: dict[str, Any] = {}
    circle["a"] = circle
    assert [code for code, _ in mistakes(lambda: aws.sqs_queue("q", policy=circle))] == ["GS1102"]


def test_a_resource_can_be_copied_and_pickled() -> None:
    queue = aws.sqs_queue("q", name="x")
    assert copy.deepcopy(queue).arguments == queue.arguments
    assert pickle.loads(pickle.dumps(queue)).address == queue.address


def test_every_type_is_listed_and_none_is_hidden_by_a_module() -> None:
    names = set(dir(aws))
    assert {"sqs_queue", "data", "AwsResource"} <= names and len(names) > 1500
    assert "caller_identity" in dir(aws.data)
    for module in ("packing", "stubs"):
        importlib.import_module(f"groundsill.aws.{module}")
    from groundsill.aws.resource import TypeConstructor

    hidden = [
        name
        for name in dir(aws)
        if name.islower() and name != "data" and not isinstance(getattr(aws, name), TypeConstructor)
    ]
    assert hidden == []


def test_the_surface_answers_introspection() -> None:
    assert not hasattr(aws, "__wrapped__") and not hasattr(aws.sqs_queue("q"), "_private")
    assert repr(aws.sqs_queue) == "<resource type aws_sqs_queue>"
