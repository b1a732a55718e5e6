"""Functions, databases, caches and the graph as a whole: what stops a deploy, or a function's first call."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from groundsill.graph import FunctionPackage, Graph, Output

from .support import Case, changed, finds, found, graph, json, ref, resource, system, tells_apart


def function(**arguments: Any) -> dict[str, Any]:
    return {"aws_lambda_function.f": {"function_name": "f", **arguments}}


def database(**arguments: Any) -> dict[str, Any]:
    return {
        "aws_db_instance.d": {"engine": "postgres", "engine_version": "17", "skip_final_snapshot": True, **arguments}
    }


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("function-runtime-ended", function(runtime="python3.8"), function(runtime="python3.13"), "14 Oct 2024"),
    ("function-runtime-ended", function(runtime="rust1.x"), function(), "no runtime"),
    (
        "function-environment-refused",
        function(environment=[{"variables": {"AWS_REGION": "x"}}]),
        function(environment=[{"variables": {"REGION": "x"}}]),
        "Lambda's own",
    ),
    (
        "function-environment-refused",
        function(environment=[{"variables": {"A1": "x" * 4100}}]),
        function(environment=[{"variables": {"A1": "x" * 4000}}]),
        "4096",
    ),
    (
        "function-layers-refused",
        function(layers=[f"arn:{index}" for index in range(6)]),
        function(layers=["arn:1"]),
        "6 layers",
    ),
    (
        "provisioned-concurrency-without-alias",
        {
            **function(),
            "aws_lambda_provisioned_concurrency_config.p": {
                "function_name": "${aws_lambda_function.f.function_name}",
                "qualifier": "$LATEST",
            },
        },
        {
            **function(publish=True),
            "aws_lambda_provisioned_concurrency_config.p": {
                "function_name": "${aws_lambda_function.f.function_name}",
                "qualifier": "live",
            },
        },
        "$LATEST",
    ),
    (
        "alias-weights-refused",
        {"aws_lambda_alias.a": {"routing_config": [{"additional_version_weights": {"2": 10}}]}},
        {"aws_lambda_alias.a": {"routing_config": [{"additional_version_weights": {"2": 0.1}}]}},
        "weight 10",
    ),
    (
        "event-source-batch-refused",
        {
            "aws_sqs_queue.q": {},
            "aws_lambda_event_source_mapping.m": {"event_source_arn": "${aws_sqs_queue.q.arn}", "batch_size": 100},
        },
        {
            "aws_sqs_queue.q": {},
            "aws_lambda_event_source_mapping.m": {
                "event_source_arn": "${aws_sqs_queue.q.arn}",
                "batch_size": 100,
                "maximum_batching_window_in_seconds": 1,
            },
        },
        "100 a batch",
    ),
    (
        "reserved-concurrency-outside-production",
        {
            **function(reserved_concurrent_executions=5),
            "aws_apigatewayv2_integration.i": {"integration_uri": "${aws_lambda_function.f.arn}"},
        },
        {
            **function(reserved_concurrent_executions=50),
            "aws_apigatewayv2_integration.i": {"integration_uri": "${aws_lambda_function.f.arn}"},
        },
        "5",
    ),
    (
        "function-with-little-memory",
        {
            **function(runtime="python3.13"),
            "aws_apigatewayv2_integration.i": {"integration_uri": "${aws_lambda_function.f.invoke_arn}"},
        },
        {
            **function(runtime="python3.13", memory_size=256),
            "aws_apigatewayv2_integration.i": {"integration_uri": "${aws_lambda_function.f.invoke_arn}"},
        },
        "128 MB",
    ),
    ("engine-version-ended", database(engine_version="12.4"), database(), "28 Feb 2025"),
    ("engine-version-fixed", database(engine_version="17.2"), database(), "17.2"),
    ("engine-version-open", database(engine_version=None), database(), "postgres"),
    (
        "database-storage-refused",
        database(storage_type="gp3", allocated_storage=20, iops=3000),
        database(storage_type="gp3", allocated_storage=400, iops=12000),
        "400 GiB",
    ),
    (
        "database-storage-refused",
        database(storage_type="io1", allocated_storage=100),
        database(storage_type="io1", iops=1000),
        "iops",
    ),
    (
        "database-class-refused",
        {"aws_rds_cluster_instance.i": {"instance_class": "db.t3.micro"}},
        {"aws_rds_cluster_instance.i": {"instance_class": "db.t4g.medium"}},
        "no db.t3.micro",
    ),
    (
        "database-class-refused",
        database(instance_class="db.serverless"),
        database(instance_class="db.t4g.micro"),
        "Aurora",
    ),
    (
        "aurora-capacity-refused",
        {"aws_rds_cluster.c": {"engine_mode": "serverless"}},
        {"aws_rds_cluster.c": {"serverlessv2_scaling_configuration": [{"min_capacity": 0.5, "max_capacity": 16}]}},
        "v1",
    ),
    ("final-snapshot-without-name", database(skip_final_snapshot=False), database(), "final_snapshot_identifier"),
    (
        "parameter-group-of-another-version",
        {
            **database(engine_version="16", parameter_group_name="${aws_db_parameter_group.g.name}"),
            "aws_db_parameter_group.g": {"family": "postgres17"},
        },
        {
            **database(parameter_group_name="${aws_db_parameter_group.g.name}"),
            "aws_db_parameter_group.g": {"family": "postgres17"},
        },
        "postgres16",
    ),
    ("database-user-refused", database(username="admin"), database(username="parrot_admin"), "'admin'"),
    (
        "older-instance-class",
        database(instance_class="db.t3.micro"),
        database(instance_class="db.t4g.micro"),
        "db.t3.micro",
    ),
    ("older-storage", database(storage_type="gp2"), database(storage_type="gp3"), "gp2"),
    (
        "cache-failover-refused",
        {"aws_elasticache_replication_group.g": {"num_cache_clusters": 1, "automatic_failover_enabled": True}},
        {"aws_elasticache_replication_group.g": {"num_cache_clusters": 2, "automatic_failover_enabled": True}},
        "one node",
    ),
    (
        "cache-failover-refused",
        {"aws_elasticache_replication_group.g": {"num_cache_clusters": 2, "multi_az_enabled": True}},
        {"aws_elasticache_replication_group.g": {"num_cache_clusters": 1}},
        "multi_az_enabled",
    ),
    (
        "reference-to-nothing",
        {"aws_lambda_function.f": {"role": "${aws_iam_role.gone.arn}"}},
        {"aws_lambda_function.f": {"role": "${aws_iam_role.here.arn}"}, "aws_iam_role.here": {}},
        "aws_iam_role.gone",
    ),
    (
        "resources-in-a-circle",
        {
            "aws_security_group.a": {"ingress": [{"security_groups": ["${aws_security_group.b.id}"]}]},
            "aws_security_group.b": {"ingress": [{"security_groups": ["${aws_security_group.a.id}"]}]},
        },
        {
            "aws_security_group.a": {},
            "aws_security_group.b": {"ingress": [{"security_groups": ["${aws_security_group.a.id}"]}]},
        },
        "->",
    ),
    (
        "account-service-in-application",
        {"aws_guardduty_detector.d": {}, **function()},
        {"aws_guardduty_detector.d": {}},
        "account",
    ),
    (
        "machine-without-application",
        {"aws_instance.m": {"ami": "${data.aws_ami.a.id}"}, "data.aws_ami.a": {"owners": ["amazon"]}},
        {"aws_instance.m": {"ami": "${data.aws_ami.a.id}"}, "data.aws_ami.a": {"owners": ["self"]}},
        "neither",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_finds_its_fault_and_nothing_else(case: Case) -> None:
    tells_apart(case, production=False)


@pytest.mark.requirement("OM-C01")
@pytest.mark.requirement("OM-T02")
def test_a_runtime_out_of_support_is_found_and_how_bad_it_is_follows_from_the_day() -> None:
    faulty = changed("open_metabolics", "dev", {"aws_lambda_function.save_raw_sensor_data.runtime": "nodejs18.x"})
    assert finds("function-runtime-ended", faulty, "ended on 01 Sep 2025; functions can no longer be created")
    (soon,) = found("function-runtime-ended", faulty, today=date(2025, 6, 1))
    (just,) = found("function-runtime-ended", faulty, today=date(2025, 9, 10))
    assert (soon.severity, just.severity) == ("low", "high")
    assert not found("function-runtime-ended", faulty, today=date(2025, 1, 1))
    assert not found("function-runtime-ended", system("open_metabolics", "dev"))


@pytest.mark.requirement("MT-C01")
@pytest.mark.requirement("MT-T01")
def test_go_is_found_to_have_ended() -> None:
    faulty = changed("multitask", "dev", {"aws_lambda_function.auth_lambda.runtime": "go1.x"})
    assert finds("function-runtime-ended", faulty, "08 Jan 2024")
    assert not found("function-runtime-ended", system("multitask", "dev"))


@pytest.mark.requirement("OM-T02")
@pytest.mark.requirement("AN-T06")
def test_a_handler_that_is_not_in_the_package_is_found(tmp_path: Path) -> None:
    for handler, words in (("functions.sensors.save", "no module"), ("functions.sensor.safe", "no 'safe'")):
        faulty = changed("open_metabolics", "dev", {"aws_lambda_function.save_raw_sensor_data.handler": handler})
        assert finds("function-handler-missing", faulty, words)
    faulty = changed("ai_nutritionist", "dev", {"aws_lambda_function.health.handler": "functions.healthy.check"})
    assert finds("function-handler-missing", faulty, "no module")
    for name in ("open_metabolics", "ai_nutritionist", "multitask"):
        assert not found("function-handler-missing", system(name, "dev"))
    (tmp_path / "broken.py").write_text("def handle(event, context:\n")
    given = graph({"aws_lambda_function.f": {"handler": "broken.handle"}})
    given.add_artifact(FunctionPackage("f", tmp_path, (".",), None, "python3.13", "arm64", "aws_lambda_function.f"))
    assert finds("function-handler-missing", given)


@pytest.mark.requirement("AN-C25")
@pytest.mark.requirement("MT-C13")
@pytest.mark.requirement("MT-T08")
def test_more_reserved_concurrency_than_an_account_has_is_found() -> None:
    functions = [item.name for item in system("multitask", "prod").of_type("aws_lambda_function")]
    faulty = changed(
        "multitask",
        "prod",
        {f"aws_lambda_function.{name}.reserved_concurrent_executions": 120 for name in functions[:8]},
    )
    assert finds("reserved-concurrency-over-quota", faulty, "of 900")
    for name in ("multitask", "ai_nutritionist"):
        assert not found("reserved-concurrency-over-quota", system(name, "prod"))


@pytest.mark.requirement("MT-C14")
def test_provisioned_concurrency_on_latest_is_found() -> None:
    faulty = changed(
        "multitask", "prod", {"aws_lambda_provisioned_concurrency_config.auth_lambda.qualifier": "$LATEST"}
    )
    assert finds("provisioned-concurrency-without-alias", faulty)
    assert not found("provisioned-concurrency-without-alias", system("multitask", "prod"))


@pytest.mark.requirement("MT-C46")
def test_a_small_reservation_in_development_is_found() -> None:
    faulty = changed("multitask", "dev", {"aws_lambda_function.auth_lambda.reserved_concurrent_executions": 5})
    assert finds("reserved-concurrency-outside-production", faulty)
    assert not found("reserved-concurrency-outside-production", system("multitask", "dev"))


@pytest.mark.requirement("IU-C05")
def test_iops_of_a_small_gp3_disk_are_found() -> None:
    assert finds(
        "database-storage-refused", changed("image_understander", "prod", {"aws_db_instance.db.iops": 3000}), "iops"
    )
    assert not found("database-storage-refused", system("image_understander", "prod"))


@pytest.mark.requirement("IU-C06")
def test_an_engine_out_of_support_and_a_fixed_minor_version_are_found() -> None:
    faulty = changed("image_understander", "prod", {"aws_db_instance.db.engine_version": "8.0.35"})
    assert finds("engine-version-ended", faulty, "31 Jul 2026") and finds("engine-version-fixed", faulty)
    for rule in ("engine-version-ended", "engine-version-fixed"):
        assert not found(rule, system("image_understander", "prod"))


@pytest.mark.requirement("MT-C11")
def test_aurora_in_two_models_at_once_is_found() -> None:
    faulty = changed(
        "multitask",
        "prod",
        {
            "aws_rds_cluster_instance.catalog_database_1.instance_class": "db.t3.micro",
            "aws_rds_cluster.catalog_database.engine_mode": "serverless",
        },
    )
    assert finds("database-class-refused", faulty) and finds("aurora-capacity-refused", faulty)
    for rule in ("database-class-refused", "aurora-capacity-refused"):
        assert not found(rule, system("multitask", "prod"))


@pytest.mark.requirement("PA-C34")
def test_a_database_without_a_version_and_without_a_final_snapshots_name_is_found() -> None:
    faulty = changed(
        "parrot",
        "prod",
        {"aws_db_instance.db.engine_version": None, "aws_db_instance.db.final_snapshot_identifier": None},
    )
    assert finds("engine-version-open", faulty) and finds("final-snapshot-without-name", faulty)
    for rule in ("engine-version-open", "final-snapshot-without-name"):
        assert not found(rule, system("parrot", "prod"))


@pytest.mark.requirement("PA-C17")
def test_a_generated_password_with_characters_that_break_a_url_is_found() -> None:
    maker = resource("random_password.db", {"length": 24})
    faulty = changed("parrot", "prod", {"aws_db_instance.db.password": "${random_password.db.result}"}, add=[maker])
    assert finds("database-user-refused", faulty, "random_password.db may make a password with / @")
    assert not found("database-user-refused", system("parrot", "prod"))


@pytest.mark.requirement("PA-C04")
@pytest.mark.requirement("PA-C33")
def test_an_older_class_and_an_older_disk_are_found() -> None:
    faulty = changed(
        "parrot", "dev", {"aws_db_instance.db.instance_class": "db.t3.micro", "aws_db_instance.db.storage_type": "gp2"}
    )
    assert finds("older-instance-class", faulty) and finds("older-storage", faulty)
    for rule in ("older-instance-class", "older-storage"):
        assert not found(rule, system("parrot", "dev"))


@pytest.mark.requirement("AN-C16")
@pytest.mark.requirement("AN-C17")
def test_an_older_cache_and_failover_of_one_node_are_found() -> None:
    group = "aws_elasticache_replication_group.cache"
    faulty = changed(
        "ai_nutritionist", "prod", {f"{group}.node_type": "cache.t3.micro", f"{group}.num_cache_clusters": 1}
    )
    assert finds("older-instance-class", faulty) and finds("cache-failover-refused", faulty, "one node")
    for rule in ("older-instance-class", "cache-failover-refused"):
        assert not found(rule, system("ai_nutritionist", "prod"))


@pytest.mark.requirement("IU-T02")
@pytest.mark.requirement("IU-C10")
def test_security_groups_that_name_each_other_are_found_as_a_circle() -> None:
    faulty = changed(
        "image_understander",
        "prod",
        {
            "aws_security_group.backend.ingress": [{"security_groups": ["${aws_security_group.db.id}"]}],
            "aws_security_group.db.ingress": [{"security_groups": ["${aws_security_group.backend.id}"]}],
        },
    )
    (finding,) = found("resources-in-a-circle", faulty)
    assert "aws_security_group.backend" in finding.detail and "aws_security_group.db" in finding.detail
    assert not found("resources-in-a-circle", system("image_understander", "prod"))


@pytest.mark.requirement("MT-T13")
@pytest.mark.requirement("MT-C35")
def test_a_reference_to_a_table_that_nobody_defines_is_found() -> None:
    faulty = changed(
        "multitask",
        "prod",
        {
            "aws_lambda_function.migration_lambda.environment": [
                {"variables": {"STATE_TABLE": "${aws_dynamodb_table.migration_state_gone.name}"}}
            ]
        },
    )
    assert finds("reference-to-nothing", faulty, "aws_dynamodb_table.migration_state_gone")
    assert not found("reference-to-nothing", system("multitask", "prod"))


@pytest.mark.requirement("AN-C22")
def test_a_pinpoint_app_is_found_to_have_ended() -> None:
    faulty = changed("ai_nutritionist", "prod", add=[resource("aws_pinpoint_app.campaigns", {"name": "campaigns"})])
    assert finds("service-ended", faulty, "30 Oct 2026")
    assert not found("service-ended", system("ai_nutritionist", "prod"))


@pytest.mark.requirement("AN-C26")
def test_a_detector_of_the_account_in_the_application_is_found() -> None:
    faulty = changed("ai_nutritionist", "prod", add=[resource("aws_guardduty_detector.account", {"enable": True})])
    assert finds("account-service-in-application", faulty)
    assert not found("account-service-in-application", system("ai_nutritionist", "prod"))


@pytest.mark.requirement("AN-C31")
@pytest.mark.requirement("MT-C39")
def test_the_xray_sdk_among_the_requirements_is_found(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    given = graph(function())
    given.add_artifact(FunctionPackage("f", tmp_path, (".",), file, "python3.13", "arm64", "aws_lambda_function.f"))
    file.write_text("boto3\naws-xray-sdk==2.14\n")
    assert finds("tracing-sdk-in-maintenance", given, "aws-xray-sdk==2.14")
    file.write_text("boto3\naws-opentelemetry-distro\n")
    assert not found("tracing-sdk-in-maintenance", given)
    for name in ("ai_nutritionist", "multitask"):
        assert not found("tracing-sdk-in-maintenance", system(name, "prod"))


@pytest.mark.requirement("AN-T10")
@pytest.mark.requirement("OM-C24")
@pytest.mark.requirement("PA-C37")
def test_a_front_door_that_no_output_names_is_found() -> None:
    given = graph({"aws_apigatewayv2_api.a": {"protocol_type": "HTTP"}, "aws_lb.l": {}}, stage="prod")
    assert {item.resource.address for item in found("front-door-without-output", given) if item.resource} == {
        "aws_apigatewayv2_api.a",
        "aws_lb.l",
    }
    for name, address in (("url", "aws_apigatewayv2_api.a.api_endpoint"), ("front", "aws_lb.l.dns_name")):
        given.add_output(Output(name, ref(address)))
    assert not found("front-door-without-output", given)
    for name in ("ai_nutritionist", "open_metabolics", "parrot"):
        assert not found("front-door-without-output", system(name, "prod"))


@pytest.mark.requirement("IU-T09")
@pytest.mark.requirement("IU-C38")
def test_a_machine_that_nothing_is_put_on_is_found() -> None:
    released = system("image_understander", "prod")
    assert not found("machine-without-application", released)
    bare = Graph("iu", "prod")
    for item in released:
        bare.add(item)
    for item in list(bare.of_type("aws_instance", "aws_launch_template")):
        item = bare.resources[item.address]
        without = resource(
            item.address, {key: value for key, value in item.arguments.items() if not key.startswith("user_data")}
        )
        bare._resources[item.address] = without
    assert finds("machine-without-application", bare)
    assert json({}).content == {}
