"""The definition against the requirement rows: tables, database, cache, buckets, network, secrets."""

from __future__ import annotations

import pytest
from mt_support.defined import graph

from groundsill.testing import Defined

DEV, STAGING, PROD = (Defined(graph(stage)) for stage in ("dev", "staging", "prod"))
NAMES = {DEV: "dev", STAGING: "staging", PROD: "prod"}
STAGES = pytest.mark.parametrize("stage", NAMES, ids=NAMES.values())


def check_table(
    stage: Defined, component: str, key: str, *indexes: tuple[str, str, str | None], sort: str | None = None,
) -> dict:
    table = stage.all("aws_dynamodb_table")[component.replace("-", "_")]
    assert table["name"] == f"{component}-{NAMES[stage]}"
    assert table["billing_mode"] == "PAY_PER_REQUEST"
    assert (table["hash_key"], table.get("range_key")) == (key, sort)
    assert [(index["name"], index["hash_key"], index.get("range_key"), index["projection_type"])
            for index in table.get("global_secondary_index", [])] == [(*index, "ALL") for index in indexes]
    assert {attribute["type"] for attribute in table["attribute"]} == {"S"}
    return table


STREAMED = {"stream_enabled": True, "stream_view_type": "NEW_AND_OLD_IMAGES"}


@STAGES
@pytest.mark.requirement("MT-R29", "MT-C38", "MT-S15")
def test_sessions_expire_and_are_found_by_user(stage: Defined) -> None:
    table = check_table(stage, "auth-sessions", "session_id", ("user-id-index", "user_id", None))
    assert table["ttl"] == [{"attribute_name": "expires_at", "enabled": True}]
    assert table.items() >= STREAMED.items()
    assert table["point_in_time_recovery"][0]["enabled"] is True


@STAGES
@pytest.mark.requirement("MT-R30", "MT-C38", "MT-S15")
def test_profiles_are_kept_by_user_and_can_be_taken_back(stage: Defined) -> None:
    table = check_table(stage, "profile-profiles", "user_id")
    assert table.items() >= STREAMED.items()
    assert table["point_in_time_recovery"][0]["enabled"] is True


@STAGES
@pytest.mark.requirement("MT-R31")
def test_messages_are_found_by_room_in_time_order(stage: Defined) -> None:
    table = check_table(stage, "chat-messages", "message_id", ("room-messages-index", "room_id", "timestamp"))
    assert table.items() >= STREAMED.items()


@STAGES
@pytest.mark.requirement("MT-R32", "MT-C08")
def test_rooms_are_found_by_type_in_the_order_they_were_made(stage: Defined) -> None:
    check_table(stage, "chat-rooms", "room_id", ("room-type-index", "type", "created_at"))


@STAGES
@pytest.mark.requirement("MT-R33", "MT-C07")
def test_the_timeline_has_a_feed_by_month_so_that_it_can_be_ordered(stage: Defined) -> None:
    check_table(stage, "post-posts", "post_id", ("timeline-index", "feed", "created_at"),
                ("author-posts-index", "author_id", "created_at"))


@STAGES
@pytest.mark.requirement("MT-R34")
def test_comments_are_found_by_post_in_time_order(stage: Defined) -> None:
    check_table(stage, "post-comments", "comment_id", ("post-comments-index", "post_id", "created_at"))


@STAGES
@pytest.mark.requirement("MT-R35", "MT-C35")
def test_migrations_are_recorded(stage: Defined) -> None:
    check_table(stage, "migration-state", "migration_id")


@STAGES
@pytest.mark.requirement("MT-R36", "MT-C36")
def test_connections_are_found_by_room_and_expire(stage: Defined) -> None:
    table = check_table(stage, "chat-connections", "connection_id", ("room-connections-index", "room_id", None))
    assert table["ttl"] == [{"attribute_name": "expires_at", "enabled": True}]


@STAGES
@pytest.mark.requirement("MT-R37")
def test_the_assistants_use_is_counted_by_user_and_day(stage: Defined) -> None:
    check_table(stage, "ai-usage", "user_id", sort="day")


@pytest.mark.requirement("MT-R38", "MT-C12", "MT-S12")
def test_production_tables_and_their_indexes_can_be_provisioned_and_follow_their_load() -> None:
    assert not PROD.all("aws_appautoscaling_target")
    assert not Defined(graph("dev", table_capacity="provisioned")).all("aws_appautoscaling_target")
    stage = Defined(graph("prod", table_capacity="provisioned"))
    sessions = stage.all("aws_dynamodb_table")["auth_sessions"]
    assert (sessions["billing_mode"], sessions["read_capacity"], sessions["write_capacity"]) == ("PROVISIONED", 5, 5)
    (index,) = sessions["global_secondary_index"]
    assert (index["read_capacity"], index["write_capacity"]) == (5, 5)
    targets = stage.all("aws_appautoscaling_target").values()
    assert {(target["min_capacity"], target["max_capacity"]) for target in targets} == {(5, 100)}
    mine = {(target["resource_id"], target["scalable_dimension"]) for target in targets
            if "auth_sessions" in target["resource_id"]}
    table = "table/${aws_dynamodb_table.auth_sessions.name}"
    assert mine == {(table, "dynamodb:table:ReadCapacityUnits"), (table, "dynamodb:table:WriteCapacityUnits"),
                    (f"{table}/index/user-id-index", "dynamodb:index:ReadCapacityUnits"),
                    (f"{table}/index/user-id-index", "dynamodb:index:WriteCapacityUnits")}
    policies = stage.all("aws_appautoscaling_policy").values()
    assert {policy["target_tracking_scaling_policy_configuration"][0]["target_value"] for policy in policies} == {70}


@pytest.mark.requirement("MT-C31", "MT-C38", "MT-R03")
def test_production_data_survives_mistakes() -> None:
    for table in PROD.all("aws_dynamodb_table").values():
        assert table["point_in_time_recovery"][0]["enabled"] is True
        assert table["deletion_protection_enabled"] is True
    cluster = PROD.one("aws_rds_cluster")
    assert (cluster["deletion_protection"], cluster["skip_final_snapshot"]) == (True, False)
    assert {bucket["force_destroy"] for bucket in PROD.all("aws_s3_bucket").values()} == {False}
    assert PROD.one("aws_cognito_user_pool")["deletion_protection"] == "ACTIVE"


@STAGES
@pytest.mark.requirement("MT-R39", "MT-C11", "MT-S13", "MT-C23")
def test_the_catalog_is_aurora_serverless_with_capacity_by_stage(stage: Defined) -> None:
    cluster = stage.one("aws_rds_cluster")
    assert (cluster["engine"], cluster["port"]) == ("aurora-postgresql", 5432)
    assert cluster["database_name"] == f"multitask_{NAMES[stage]}"
    capacity = {DEV: (0.5, 1), STAGING: (1, 4), PROD: (2, 16)}[stage]
    assert cluster["serverlessv2_scaling_configuration"] == [{"min_capacity": capacity[0], "max_capacity": capacity[1]}]
    instances = stage.all("aws_rds_cluster_instance").values()
    assert [item["instance_class"] for item in instances] == ["db.serverless"] * (2 if stage is PROD else 1)
    # RDS keeps the password; nothing here has ever seen it.
    assert cluster["manage_master_user_password"] is True
    assert "master_password" not in cluster


@STAGES
@pytest.mark.requirement("MT-R40")
def test_the_database_lies_in_isolated_subnets_of_two_zones(stage: Defined) -> None:
    assert stage.one("aws_db_subnet_group")["subnet_ids"] == [
        "${aws_subnet.multitask_network_isolated_a.id}", "${aws_subnet.multitask_network_isolated_b.id}"]
    assert stage.one("aws_rds_cluster")["db_subnet_group_name"] == "${aws_db_subnet_group.catalog_database.name}"


@STAGES
@pytest.mark.requirement("MT-R41", "MT-C09")
def test_presence_is_kept_in_redis_and_chat_is_told_where(stage: Defined) -> None:
    group = stage.one("aws_elasticache_replication_group")
    assert (group["engine"], group["port"], group["num_cache_clusters"]) == ("redis", 6379, 2 if stage is PROD else 1)
    assert group["transit_encryption_enabled"] is True
    assert len(stage.one("aws_elasticache_subnet_group")["subnet_ids"]) == 2
    assert stage.environment("chat_lambda")["ELASTICACHE_CLUSTER"] == (
        "${aws_elasticache_replication_group.chat_redis.primary_endpoint_address}")


@STAGES
@pytest.mark.requirement("MT-R42", "MT-S04")
def test_the_network_is_10_0_0_0_16_with_names(stage: Defined) -> None:
    vpc = stage.one("aws_vpc")
    assert (vpc["cidr_block"], vpc["enable_dns_hostnames"], vpc["enable_dns_support"]) == ("10.0.0.0/16", True, True)


@STAGES
@pytest.mark.requirement("MT-R43", "MT-C09", "MT-C10")
def test_the_network_has_public_private_and_isolated_subnets_and_a_way_out(stage: Defined) -> None:
    zones = 2 if stage is PROD else 1
    kinds = ("public", "private", "isolated")
    assert set(stage.all("aws_subnet")) == {f"multitask_network_{kind}_{zone}" for kind in kinds for zone in "ab"}
    assert len(stage.all("aws_nat_gateway")) == len(stage.all("aws_eip")) == zones
    assert len(stage.all("aws_internet_gateway")) == 1
    assert len(stage.all("aws_route_table")) == zones + 2
    assert len(stage.all("aws_route_table_association")) == 6
    assert len(stage.all("aws_route")) == zones + 1
    assert not [route for route in stage.all("aws_route").values() if "isolated" in route["route_table_id"]]


@STAGES
@pytest.mark.requirement("MT-R44")
def test_tables_and_buckets_are_reached_without_leaving_the_network(stage: Defined) -> None:
    endpoints = stage.all("aws_vpc_endpoint")
    assert {(item["vpc_endpoint_type"], item["service_name"].rpartition(".")[2]) for item in endpoints.values()} == {
        ("Gateway", "s3"), ("Gateway", "dynamodb")}
    tables = {f"${{aws_route_table.{name}.id}}" for name in stage.all("aws_route_table")}
    assert all(set(item["route_table_ids"]) == tables for item in endpoints.values())


@STAGES
@pytest.mark.requirement("MT-R45", "MT-C06", "MT-C10", "MT-T03")
def test_only_functions_with_private_dependencies_are_in_the_network_and_reach_everything(stage: Defined) -> None:
    attached = {name for name, function in stage.all("aws_lambda_function").items() if "vpc_config" in function}
    assert attached == {"chat_lambda", "catalog_lambda", "migration_lambda", "health_lambda"}
    rules = stage.all("aws_vpc_security_group_egress_rule")
    assert {rule["security_group_id"] for rule in rules.values()} >= {f"${{aws_security_group.{name}.id}}" for name in attached}
    assert {(rule["cidr_ipv4"], rule["ip_protocol"]) for rule in rules.values()} == {("0.0.0.0/0", "-1")}
    policies = [item["policy_arn"] for name, item in stage.all("aws_iam_role_policy_attachment").items()
                if name.endswith("_network")]
    assert policies == ["arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"] * 4


@STAGES
@pytest.mark.requirement("MT-T04", "MT-C10")
def test_functions_in_the_network_have_a_way_out_to_what_lies_outside(stage: Defined) -> None:
    tables = {item["subnet_id"]: item["route_table_id"] for item in stage.all("aws_route_table_association").values()}
    out = {item["route_table_id"] for item in stage.all("aws_route").values() if "nat_gateway_id" in item}
    for function in stage.all("aws_lambda_function").values():
        for subnet in function.get("vpc_config", [{"subnet_ids": []}])[0]["subnet_ids"]:
            assert tables[subnet] in out


@STAGES
@pytest.mark.requirement("MT-R46", "MT-S04")
def test_the_database_is_open_to_the_functions_that_use_it_alone(stage: Defined) -> None:
    assert stage.ingress("catalog_database") == {
        (f"${{aws_security_group.{name}_lambda.id}}", 5432) for name in ("catalog", "migration", "health")}


@STAGES
@pytest.mark.requirement("MT-R47")
def test_redis_is_open_to_chat_and_health_alone(stage: Defined) -> None:
    assert stage.ingress("chat_redis") == {(f"${{aws_security_group.{name}_lambda.id}}", 6379) for name in ("chat", "health")}


def moves(stage: Defined, bucket: str) -> list:
    rules = stage.all("aws_s3_bucket_lifecycle_configuration")[bucket]["rule"]
    return [(rule.get("transition"), rule.get("expiration")) for rule in rules if rule["id"] != "unfinished-uploads"]


@STAGES
@pytest.mark.requirement("MT-R48", "MT-C22", "MT-T12")
def test_avatars_grow_cheaper_and_are_never_archived_or_deleted(stage: Defined) -> None:
    bucket = stage.all("aws_s3_bucket")["profile_avatars_bucket"]["bucket"]
    assert bucket == f"profile-avatars-bucket-{NAMES[stage]}-${{data.aws_caller_identity.current.account_id}}"
    assert moves(stage, "profile_avatars_bucket") == [([{"days": 30, "storage_class": "STANDARD_IA"}], None)]
    assert stage.all("aws_s3_bucket_lifecycle_configuration")["profile_avatars_bucket"][
        "transition_default_minimum_object_size"] == "all_storage_classes_128K"


@STAGES
@pytest.mark.requirement("MT-R49", "MT-C05")
def test_chat_reads_writes_and_deletes_attachments_and_nothing_else_does(stage: Defined) -> None:
    arn = "${aws_s3_bucket.chat_attachments_bucket.arn}"
    statements = stage.statements("chat_lambda")
    actions, resources = statements["ChatAttachmentsBucketReadWrite"]
    assert {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"} <= actions
    assert resources == {f"{arn}/*"}
    others = [name for name in stage.all("aws_lambda_function") if name != "chat_lambda" and any(
        arn in resource for _, held in stage.statements(name).values() for resource in held)]
    assert others == []
    assert stage.environment("chat_lambda")["S3_BUCKET_ATTACHMENTS"] == "${aws_s3_bucket.chat_attachments_bucket.bucket}"


@STAGES
@pytest.mark.requirement("MT-R50", "MT-S14", "MT-C22")
def test_backups_move_to_cheaper_classes_and_are_deleted_after_seven_years(stage: Defined) -> None:
    assert moves(stage, "platform_backups_bucket") == [
        ([{"days": 30, "storage_class": "STANDARD_IA"}, {"days": 90, "storage_class": "GLACIER"}], [{"days": 2555}])]


@STAGES
@pytest.mark.requirement("MT-R57", "MT-C23", "MT-C24")
def test_parameters_tell_where_secrets_are_and_hold_none(stage: Defined) -> None:
    parameters = {item["name"]: item for item in stage.all("aws_ssm_parameter").values()}
    root = f"/multitask/{NAMES[stage]}"
    database = "${aws_rds_cluster.catalog_database.master_user_secret[0].secret_arn}"
    providers = "${aws_secretsmanager_secret.provider_keys.arn}"
    assert {name: item["value"] for name, item in parameters.items()} == {
        f"{root}/jwt-secret": {"secret": "${aws_secretsmanager_secret.link_key.arn}", "key": "jwt-secret"},
        f"{root}/rds-username": {"secret": database, "key": "username"},
        f"{root}/rds-password": {"secret": database, "key": "password"},
        f"{root}/gemini-api-key": {"secret": providers, "key": "gemini-api-key"},
        f"{root}/openai-api-key": {"secret": providers, "key": "openai-api-key"}}


@STAGES
@pytest.mark.requirement("MT-R58", "MT-C23")
def test_secrets_are_kept_in_secrets_manager_and_in_no_state(stage: Defined) -> None:
    secrets = {item["name"] for item in stage.all("aws_secretsmanager_secret").values()}
    assert secrets == {f"multitask/{NAMES[stage]}/provider-keys", f"multitask/{NAMES[stage]}/link-key"}
    for version in stage.all("aws_secretsmanager_secret_version").values():
        assert "secret_string" not in version
        assert version["secret_string_wo_version"] == 1
    users = {name for name in stage.all("aws_lambda_function") if any(
        "secretsmanager:GetSecretValue" in actions for actions, _ in stage.statements(name).values())}
    assert users == {"ai_lambda", "chat_lambda", "catalog_lambda", "migration_lambda", "health_lambda"}
