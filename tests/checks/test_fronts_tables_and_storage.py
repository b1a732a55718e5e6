"""Certificates, records, load balancers, tables, buckets, disks and backups."""

from __future__ import annotations

from typing import Any

import pytest

from groundsill.graph import Lifecycle, Provider

from .support import Case, changed, finds, found, graph, json, resource, system, tells_apart


def table(**arguments: Any) -> dict[str, Any]:
    usual = {"billing_mode": "PAY_PER_REQUEST", "hash_key": "id", "attribute": [{"name": "id", "type": "S"}]}
    return {"aws_dynamodb_table.t": {**usual, **arguments}}


def rules(*given: tuple[int, dict[str, Any], dict[str, Any]], **listener: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "aws_lb.l": {},
        "aws_lb_listener.s": {
            "load_balancer_arn": "${aws_lb.l.arn}",
            "port": 443,
            "protocol": "HTTPS",
            "certificate_arn": "arn:aws:acm:us-east-1:1:c/1",
            **listener,
        },
    }
    for index, (priority, condition, action) in enumerate(given):
        made[f"aws_lb_listener_rule.r{index}"] = {
            "listener_arn": "${aws_lb_listener.s.arn}",
            "priority": priority,
            "condition": [condition],
            "action": [action],
        }
    return made


def record(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"zone_id": "${aws_route53_zone.z.zone_id}", "name": name, "type": kind, **more}


ZONE = {"aws_route53_zone.z": {"name": "shop.com"}}
FORWARD = {"type": "forward", "target_group_arn": "arn:aws:elasticloadbalancing:x"}
EVERYTHING = {"path_pattern": [{"values": ["/*"]}]}
SERVED = {
    "aws_cloudfront_distribution.c": {"origin": [{"domain_name": "${aws_s3_bucket.b.bucket_regional_domain_name}"}]}
}
GLACIER = {
    "aws_s3_bucket_lifecycle_configuration.l": {
        "bucket": "${aws_s3_bucket.b.id}",
        "rule": [{"id": "a", "status": "Enabled", "transition": [{"days": 90, "storage_class": "GLACIER"}]}],
    }
}


def service(**group: Any) -> dict[str, Any]:
    return {
        "aws_ecs_task_definition.d": {"network_mode": "awsvpc"},
        "aws_lb_target_group.g": {"target_type": "ip", **group},
        "aws_lb_listener.s": {
            "default_action": [{"type": "forward", "target_group_arn": "${aws_lb_target_group.g.arn}"}]
        },
        "aws_ecs_service.s": {
            "task_definition": "${aws_ecs_task_definition.d.arn}",
            "load_balancer": [{"target_group_arn": "${aws_lb_target_group.g.arn}"}],
        },
    }


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        "record-clash",
        {**ZONE, "aws_route53_record.a": record("www", "A"), "aws_route53_record.b": record("www.shop.com", "A")},
        {**ZONE, "aws_route53_record.a": record("www", "A"), "aws_route53_record.b": record("www", "AAAA")},
        "www.shop.com A",
    ),
    (
        "record-clash",
        {**ZONE, "aws_route53_record.a": record("", "CNAME")},
        {**ZONE, "aws_route53_record.a": record("", "A")},
        "apex",
    ),
    (
        "record-clash",
        {**ZONE, "aws_route53_record.a": record("www", "CNAME"), "aws_route53_record.b": record("www", "TXT")},
        {
            **ZONE,
            "aws_route53_record.a": record("w", "A", set_identifier="1"),
            "aws_route53_record.b": record("w", "A", set_identifier="2"),
        },
        "beside a CNAME",
    ),
    (
        "domain-without-certificate",
        {
            "aws_cloudfront_distribution.c": {
                "aliases": ["www.shop.com"],
                "viewer_certificate": [{"cloudfront_default_certificate": True}],
            }
        },
        {"aws_cloudfront_distribution.c": {"viewer_certificate": [{"cloudfront_default_certificate": True}]}},
        "aliases",
    ),
    (
        "listener-taken-twice",
        rules((1, EVERYTHING, FORWARD), (1, EVERYTHING, FORWARD)),
        rules((1, EVERYTHING, FORWARD), (2, EVERYTHING, FORWARD)),
        "priority 1",
    ),
    ("listener-without-certificate", rules(certificate_arn=None), rules(), "HTTPS"),
    (
        "health-check-refused",
        {"aws_lb_target_group.g": {"health_check": [{"interval": 5, "timeout": 5}]}},
        {"aws_lb_target_group.g": {"health_check": [{"interval": 10, "timeout": 5, "path": "/health"}]}},
        "not below",
    ),
    ("target-group-does-not-fit", service(target_type="instance"), service(), "instance"),
    ("service-before-its-listener", service(), {**service(), "aws_ecs_service.s": {}}, "aws_lb_listener.s"),
    (
        "sticky-to-one-target",
        {"aws_lb_target_group.g": {"stickiness": [{"enabled": True, "cookie_duration": 86400}]}},
        {"aws_lb_target_group.g": {"stickiness": [{"enabled": False}]}},
        "24 h",
    ),
    (
        "table-attributes-do-not-fit",
        table(attribute=[{"name": "id", "type": "S"}, {"name": "email", "type": "S"}]),
        table(),
        "email",
    ),
    ("table-attributes-do-not-fit", table(range_key="at"), table(), "at"),
    (
        "table-capacity-refused",
        table(billing_mode="PROVISIONED"),
        table(billing_mode="PROVISIONED", read_capacity=1, write_capacity=1),
        "PROVISIONED",
    ),
    ("table-capacity-refused", table(read_capacity=5), table(), "PAY_PER_REQUEST"),
    (
        "table-indexes-refused",
        table(local_secondary_index=[{"name": "l", "range_key": "id"}]),
        table(range_key="id", local_secondary_index=[{"name": "l", "range_key": "id"}]),
        "range_key",
    ),
    (
        "on-demand-table-scaled",
        {**table(), "aws_appautoscaling_target.a": {"resource_id": "table/${aws_dynamodb_table.t.name}"}},
        {
            **table(billing_mode="PROVISIONED"),
            "aws_appautoscaling_target.a": {"resource_id": "table/${aws_dynamodb_table.t.name}"},
        },
        "PAY_PER_REQUEST",
    ),
    (
        "stream-without-reader",
        table(stream_enabled=True),
        {
            **table(stream_enabled=True),
            "aws_lambda_event_source_mapping.m": {"event_source_arn": "${aws_dynamodb_table.t.stream_arn}"},
        },
        "nothing",
    ),
    (
        "lifecycle-refused",
        {
            "aws_s3_bucket.b": {},
            "aws_s3_bucket_lifecycle_configuration.l": {
                "bucket": "${aws_s3_bucket.b.id}",
                "rule": [{"id": "a", "status": "Enabled", "transition": [{"days": 7, "storage_class": "STANDARD_IA"}]}],
            },
        },
        {"aws_s3_bucket.b": {}, **GLACIER},
        "after 7 days",
    ),
    (
        "served-bucket-archives",
        {"aws_s3_bucket.b": {}, **GLACIER, **SERVED},
        {"aws_s3_bucket.b": {}, **GLACIER},
        "GLACIER",
    ),
    (
        "cors-method-refused",
        {"aws_apigatewayv2_api.a": {"cors_configuration": [{"allow_methods": ["ANY"]}]}},
        {"aws_apigatewayv2_api.a": {"cors_configuration": [{"allow_methods": ["*"]}]}},
        "ANY",
    ),
    (
        "cors-method-refused",
        {"aws_s3_bucket_cors_configuration.a": {"cors_rule": [{"allowed_methods": ["PATCH"]}]}},
        {"aws_s3_bucket_cors_configuration.a": {"cors_rule": [{"allowed_methods": ["PUT"]}]}},
        "PATCH",
    ),
    (
        "volume-performance-refused",
        {"aws_ebs_volume.v": {"type": "gp3", "size": 8, "iops": 6000}},
        {"aws_ebs_volume.v": {"type": "gp3", "size": 20, "iops": 6000, "throughput": 500}},
        "500 a GiB",
    ),
    (
        "volume-performance-refused",
        {"aws_ebs_volume.v": {"type": "gp2", "iops": 3000}},
        {"aws_ebs_volume.v": {"type": "gp2"}},
        "gp2",
    ),
    (
        "boot-script-too-long",
        {"aws_instance.m": {"user_data": "#" * 16_385}},
        {"aws_instance.m": {"user_data": "#" * 16_384}},
        "16385",
    ),
    (
        "machine-image-written-down",
        {"aws_instance.m": {"ami": "ami-0abc"}},
        {"aws_instance.m": {"ami": "${data.aws_ami.a.id}"}, "data.aws_ami.a": {}},
        "ami-0abc",
    ),
    (
        "cold-backup-never-deleted",
        {"aws_backup_plan.p": {"rule": [{"lifecycle": [{"cold_storage_after": 30}]}]}},
        {"aws_backup_plan.p": {"rule": [{"lifecycle": [{"cold_storage_after": 30, "delete_after": 120}]}]}},
        "delete_after",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_finds_its_fault_and_nothing_else(case: Case) -> None:
    tells_apart(case)


@pytest.mark.requirement("AN-T04")
@pytest.mark.requirement("MT-T09")
def test_a_cdn_certificate_of_another_region_is_found() -> None:
    faulty = changed("multitask", "prod")
    faulty.region, faulty._providers = "eu-central-1", {None: Provider("eu-central-1")}
    assert finds("certificate-in-wrong-region", faulty, "must be in us-east-1")
    for name in ("multitask", "ai_nutritionist"):
        assert not found("certificate-in-wrong-region", system(name, "prod"))


@pytest.mark.requirement("MT-T09")
def test_a_domain_without_a_certificate_is_found() -> None:
    faulty = changed("multitask", "prod", {"aws_api_gateway_domain_name.multitask_api.regional_certificate_arn": None})
    assert finds("domain-without-certificate", faulty)
    assert not found("domain-without-certificate", system("multitask", "prod"))


@pytest.mark.requirement("PA-T04")
@pytest.mark.requirement("PA-C21")
def test_a_certificate_that_does_not_cover_the_apex_is_found() -> None:
    faulty = changed(
        "parrot",
        "prod",
        {
            "aws_acm_certificate.certificate.domain_name": "*.app.parrot.example",
            "aws_acm_certificate.certificate.subject_alternative_names": [],
        },
    )
    assert finds("certificate-does-not-cover-host", faulty, "does not cover app.parrot.example")
    assert not finds("certificate-does-not-cover-host", faulty, "does not cover www.app.parrot.example")
    assert not found("certificate-does-not-cover-host", system("parrot", "prod"))


@pytest.mark.requirement("MT-C34")
def test_a_wildcard_alone_does_not_cover_the_site_at_the_apex() -> None:
    faulty = changed(
        "multitask",
        "prod",
        {
            "aws_acm_certificate.multitask_certificate.domain_name": "*.multitask.example",
            "aws_acm_certificate.multitask_certificate.subject_alternative_names": None,
        },
    )
    assert finds("certificate-does-not-cover-host", faulty, "does not cover multitask.example")
    assert not found("certificate-does-not-cover-host", system("multitask", "prod"))


@pytest.mark.requirement("PA-T04")
@pytest.mark.requirement("IU-T05")
@pytest.mark.requirement("AN-T04")
def test_a_certificate_that_nobody_validates_is_found() -> None:
    faulty = changed(
        "parrot", "prod", {"aws_lb_listener.front_https.certificate_arn": "${aws_acm_certificate.certificate.arn}"}
    )
    assert finds("certificate-not-validated", faulty, "aws_acm_certificate.certificate")
    unproven = graph(
        {
            **ZONE,
            "aws_acm_certificate.c": {"domain_name": "shop.com", "validation_method": "DNS"},
            "aws_acm_certificate_validation.c": {"certificate_arn": "${aws_acm_certificate.c.arn}"},
        }
    )
    assert finds("certificate-validation-record-missing", unproven)
    for name in ("parrot", "image_understander"):
        for rule in ("certificate-not-validated", "certificate-validation-record-missing"):
            assert not found(rule, system(name, "prod"))


@pytest.mark.requirement("PA-C07")
@pytest.mark.requirement("IU-C23")
def test_a_certificate_in_one_apply_with_its_new_zone_is_found() -> None:
    for name in ("parrot", "image_understander"):
        zone = "Z0123456789EXAMPLE"
        assert finds("certificate-waits-for-new-zone", changed(name, "prod"), "is new too")
        assert not found("certificate-waits-for-new-zone", changed(name, "prod", hosted_zone_id=zone))


@pytest.mark.requirement("PA-C22")
def test_a_rule_that_stands_in_for_the_default_is_found() -> None:
    faulty = changed("parrot", "prod", {"aws_lb_listener_rule.front_frontend_app.condition": [EVERYTHING]})
    assert finds("listener-rule-is-the-default", faulty)
    assert not found("listener-rule-is-the-default", system("parrot", "prod"))


@pytest.mark.requirement("PA-C23")
def test_two_redirects_in_a_row_are_found() -> None:
    plain = [
        item.address
        for item in system("parrot", "prod").of_type("aws_lb_listener_rule")
        if str(item.arguments["listener_arn"]).find("front_http") >= 0
        and "front_https" not in str(item.arguments["listener_arn"])
    ]
    assert finds("redirect-in-two-hops", changed("parrot", "prod", without=plain), "app.parrot.example")
    assert plain and not found("redirect-in-two-hops", system("parrot", "prod"))


@pytest.mark.requirement("IU-C31")
def test_a_day_of_stickiness_is_found() -> None:
    group = system("image_understander", "prod").of_type("aws_lb_target_group")[0]
    faulty = changed(
        "image_understander",
        "prod",
        {f"{group.address}.stickiness": [{"enabled": True, "type": "lb_cookie", "cookie_duration": 86400}]},
    )
    assert finds("sticky-to-one-target", faulty)
    assert not found("sticky-to-one-target", system("image_understander", "prod"))


@pytest.mark.requirement("OM-C20")
def test_ten_minutes_until_a_broken_task_is_noticed_are_found_in_production() -> None:
    slow = {
        "aws_lb_target_group.front_energy_api.health_check": [
            {"path": "/health", "interval": 60, "timeout": 30, "unhealthy_threshold": 10}
        ]
    }
    assert finds("health-check-slow", changed("open_metabolics", "prod", slow), "10 minutes")
    assert not found("health-check-slow", system("open_metabolics", "prod"))
    assert not found("health-check-slow", system("open_metabolics", "dev")), "kept as stated for dev"


@pytest.mark.requirement("PA-C30")
def test_a_page_as_a_health_check_is_found() -> None:
    faulty = changed("parrot", "prod", {"aws_lb_target_group.front_frontend.health_check": [{"path": "/landing"}]})
    assert finds("health-check-on-a-page", faulty, "/landing")
    assert not found("health-check-on-a-page", system("parrot", "prod"))


@pytest.mark.requirement("IU-T07")
def test_a_health_check_from_outside_for_another_path_is_found() -> None:
    check = resource(
        "aws_route53_health_check.site", {"resource_path": "/healthy", "fqdn": "app.imageunderstander.example"}
    )
    assert finds("health-checks-ask-different-paths", changed("image_understander", "prod", add=[check]), "/healthy")
    assert not found("health-checks-ask-different-paths", system("image_understander", "prod"))


@pytest.mark.requirement("OM-T09")
def test_deletion_protection_that_keeps_a_stage_from_being_destroyed_is_found() -> None:
    faulty = changed("open_metabolics", "dev", {"aws_lb.front.enable_deletion_protection": True})
    assert finds("deletion-protection-outside-production", faulty)
    assert not found("deletion-protection-outside-production", system("open_metabolics", "dev"))


@pytest.mark.requirement("PA-C28")
@pytest.mark.requirement("PA-C27")
def test_images_that_expire_by_the_number_of_builds_are_found() -> None:
    newest = json(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
                    "action": {"type": "expire"},
                }
            ]
        }
    )
    faulty = changed("parrot", "prod", {"aws_ecr_lifecycle_policy.backend_image.policy": newest})
    assert finds("images-expire-while-deployed", faulty, "newest 10")
    for name in ("parrot", "open_metabolics"):
        assert not found("images-expire-while-deployed", system(name, "prod"))


@pytest.mark.requirement("AN-C03")
@pytest.mark.requirement("AN-T09")
def test_backups_that_leave_cold_storage_too_early_are_found() -> None:
    def colder(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**rules[0], "lifecycle": [{"cold_storage_after": 30, "delete_after": 60}]}]

    plan = system("ai_nutritionist", "prod").of_type("aws_backup_plan")[0]
    assert finds(
        "backup-lifecycle-refused",
        changed("ai_nutritionist", "prod", {f"{plan.address}.rule": colder}),
        "120 are needed",
    )
    settings = [item.address for item in system("ai_nutritionist", "prod").of_type("aws_backup_region_settings")]
    bare = changed("ai_nutritionist", "prod", without=settings)
    bare.tier = ""
    assert finds("backup-opt-in-missing", bare)
    for rule in ("backup-lifecycle-refused", "backup-opt-in-missing"):
        assert not found(rule, system("ai_nutritionist", "prod"))


@pytest.mark.requirement("AN-C15")
def test_a_table_on_demand_and_scaled_is_found() -> None:
    target = resource(
        "aws_appautoscaling_target.users",
        {"resource_id": "table/${aws_dynamodb_table.users.name}", "min_capacity": 5, "max_capacity": 100},
    )
    assert finds("on-demand-table-scaled", changed("ai_nutritionist", "prod", add=[target]))
    assert not found("on-demand-table-scaled", system("ai_nutritionist", "prod"))


@pytest.mark.requirement("MT-C12")
def test_an_index_that_does_not_scale_with_its_table_is_found() -> None:
    given = table(
        billing_mode="PROVISIONED", read_capacity=5, write_capacity=5, global_secondary_index=[{"name": "by-user"}]
    )
    given["aws_appautoscaling_target.t"] = {"resource_id": "table/${aws_dynamodb_table.t.name}"}
    assert finds("index-capacity-does-not-follow", graph(given), "by-user")
    given["aws_appautoscaling_target.i"] = {"resource_id": "table/${aws_dynamodb_table.t.name}/index/by-user"}
    assert not found("index-capacity-does-not-follow", graph(given))


@pytest.mark.requirement("MT-C07")
@pytest.mark.requirement("MT-C08")
@pytest.mark.requirement("MT-C37")
def test_indexes_without_order_and_streams_without_readers_are_found() -> None:
    name = next(
        item.address
        for item in system("multitask", "prod").of_type("aws_dynamodb_table")
        if item.arguments.get("global_secondary_index") and item.arguments.get("stream_enabled")
    )

    def timeline(indexes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            *indexes,
            {"name": "timeline-index", "hash_key": "created_at"},
            {"name": "room-type-index", "hash_key": "type"},
        ]

    readers = [item.address for item in system("multitask", "prod").of_type("aws_lambda_event_source_mapping")]
    faulty = changed("multitask", "prod", {f"{name}.global_secondary_index": timeline}, without=readers)
    assert finds("index-partitioned-by-time", faulty, "timeline-index")
    assert finds("index-with-few-partitions", faulty, "room-type-index")
    assert finds("stream-without-reader", faulty)
    for rule in ("index-partitioned-by-time", "index-with-few-partitions", "stream-without-reader"):
        assert not found(rule, system("multitask", "prod"))


@pytest.mark.requirement("MT-C22")
@pytest.mark.requirement("MT-T12")
def test_avatars_that_are_archived_and_served_are_found() -> None:
    faulty = changed(
        "multitask",
        "prod",
        {
            "aws_s3_bucket_lifecycle_configuration.profile_avatars_bucket.rule": [
                {"id": "archive", "status": "Enabled", "transition": [{"days": 90, "storage_class": "GLACIER"}]}
            ]
        },
    )
    assert finds("served-bucket-archives", faulty, "GLACIER")
    assert not found("served-bucket-archives", system("multitask", "prod"))


@pytest.mark.requirement("MT-C28")
def test_any_as_a_cors_method_is_found() -> None:
    faulty = changed(
        "multitask",
        "prod",
        {
            "aws_s3_bucket_cors_configuration.profile_avatars_bucket.cors_rule": [
                {"allowed_methods": ["ANY"], "allowed_origins": ["*"]}
            ]
        },
    )
    assert finds("cors-method-refused", faulty, "ANY")
    assert not found("cors-method-refused", system("multitask", "prod"))


@pytest.mark.requirement("IU-C14")
@pytest.mark.requirement("IU-T04")
def test_an_image_of_another_architecture_is_found() -> None:
    ami = resource("data.aws_ami.linux", {"filter": [{"name": "name", "values": ["al2023-ami-*-x86_64"]}]})
    machine = resource(
        "aws_instance.extra", {"instance_type": "t4g.medium", "ami": "${data.aws_ami.linux.id}", "user_data": "#"}
    )
    assert finds(
        "machine-image-of-another-architecture",
        changed("image_understander", "prod", add=[ami, machine]),
        "t4g.medium is arm64",
    )
    fixed = resource(
        "aws_instance.extra", {"instance_type": "t4g.medium", "ami": "ami-0abcdef1234567890", "user_data": "#"}
    )
    assert finds("machine-image-written-down", changed("image_understander", "prod", add=[fixed]))
    assert not found("machine-image-of-another-architecture", system("image_understander", "prod"))


@pytest.mark.requirement("IU-C13")
def test_a_machine_that_is_never_patched_is_found() -> None:
    ami = resource("data.aws_ami.linux", {"most_recent": True})
    kept = resource(
        "aws_instance.old", {"ami": "${data.aws_ami.linux.id}"}, lifecycle=Lifecycle(ignore_changes=("ami",))
    )
    given = graph({})
    for item in (ami, kept):
        given.add(item)
    assert finds("machine-never-patched", given)
    loose = graph(
        {"data.aws_ami.linux": {"most_recent": True}, "aws_instance.new": {"ami": "${data.aws_ami.linux.id}"}}
    )
    assert finds("machine-replaced-by-news", loose) and not found("machine-never-patched", loose)
    assert not found("machine-replaced-by-news", system("image_understander", "prod"))


@pytest.mark.requirement("IU-C15")
def test_a_boot_script_that_wipes_a_disk_is_found() -> None:
    faulty = graph({"aws_instance.m": {"user_data": "#!/bin/sh\nmkfs -t xfs /dev/nvme1n1\nmount /dev/nvme1n1 /data\n"}})
    assert finds("boot-script-formats-disk", faulty)
    careful = graph({"aws_instance.m": {"user_data": "#!/bin/sh\nblkid /dev/nvme1n1 || mkfs -t xfs /dev/nvme1n1\n"}})
    assert not found("boot-script-formats-disk", careful)
    assert not found("boot-script-formats-disk", system("image_understander", "prod"))
