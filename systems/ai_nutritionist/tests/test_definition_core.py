"""The definition against the requirement rows: settings, tiers, network, cache, keys, the way in and the web site."""

from __future__ import annotations

import pytest
from an_support.defined import DEV, FOLDER, PROD, STAGES, STAGING, graph, refused

from groundsill.terraform.backend import with_defaults
from groundsill.terraform.bootstrap import Wish, configuration
from groundsill.testing import Defined

ALL = (DEV, STAGING, PROD)
EACH = pytest.mark.parametrize("stage", ALL, ids=STAGES)
WITH_NETWORK = pytest.mark.parametrize("stage", (STAGING, PROD), ids=("staging", "prod"))
ACCOUNT = {stage: Defined(graph(stage, folder="account")) for stage in STAGES}
SECURITY = {"guardduty": "aws_guardduty_detector", "security_hub": "aws_securityhub_account",
            "config": "aws_config_configuration_recorder"}
VPC, SUBNETS = "vpc-0123456789abcdef0", ("subnet-0123456789abcdef0", "subnet-0123456789abcdef1")


def features(app: Defined, account: Defined) -> set[str]:
    """Which of the switchable parts a stage has."""
    found = {"vpc": "aws_vpc" in app.types(), "backup": "aws_backup_plan" in app.types(),
             "cache": "aws_elasticache_replication_group" in app.types()}
    found |= {name: type_ in account.types() for name, type_ in SECURITY.items()}
    return {name for name, there in found.items() if there}


@pytest.mark.requirement("AN-R01")
@pytest.mark.parametrize("stage", STAGES)
def test_everything_is_named_after_project_component_and_environment(stage: str) -> None:
    defined = Defined(graph(stage))
    assert defined.graph.region == "us-east-1"
    names = {item["function_name"] for item in defined.all("aws_lambda_function").values()}
    assert f"ai-nutritionist-universal-message-handler-{stage}" in names
    named = {"aws_dynamodb_table": "name", "aws_sqs_queue": "name", "aws_lambda_function": "function_name",
             "aws_secretsmanager_secret": "name", "aws_cloudwatch_dashboard": "dashboard_name"}
    for type_, argument in named.items():
        for item in defined.all(type_).values():
            assert item[argument].startswith("ai-nutritionist-") and item[argument].endswith(f"-{stage}"), item


@pytest.mark.requirement("AN-R01", "AN-C27")
def test_personal_settings_have_no_default_and_wrong_ones_are_refused() -> None:
    from groundsill.definition.running import load_system

    fields = load_system(FOLDER).settings.model_fields
    assert {name for name, field in fields.items() if field.is_required()} == {
        "alert_email", "finance_email", "cors_origins", "monthly_budget_limit"}
    assert "GS1305" in refused(alert_email="nobody")
    assert "GS1305" in refused(monthly_budget_limit=0)
    assert "GS1305" in refused(region="us-east")
    assert "GS1305" in refused(sms_provider="pigeon")
    assert "GS1302" in refused(enable_gaurdduty=True)


@pytest.mark.requirement("AN-R02", "AN-C13")
@pytest.mark.parametrize(("switch", "account", "type_"), [
    ("enable_guardduty", True, "aws_guardduty_detector"), ("enable_security_hub", True, "aws_securityhub_account"),
    ("enable_aws_config", True, "aws_config_configuration_recorder"), ("enable_aws_backup", False, "aws_backup_plan"),
    ("enable_elasticache", False, "aws_elasticache_replication_group"), ("enable_monitoring", False, "aws_cloudwatch_dashboard"),
    ("enable_cost_optimization", False, "aws_budgets_budget"),
])
def test_a_switch_goes_before_the_tier(switch: str, account: bool, type_: str) -> None:
    folder = "account" if account else ""
    off: dict[str, bool] = {switch: False} | ({"enable_security_hub": False} if switch == "enable_aws_config" else {})
    assert type_ in Defined(graph("prod", folder=folder)).types()
    assert type_ not in Defined(graph("prod", folder=folder, **off)).types()
    on = {switch: True} | ({"network": "create"} if switch == "enable_elasticache" else {})
    assert type_ in Defined(graph("dev", folder=folder, **on)).types()


@pytest.mark.requirement("AN-R02")
def test_the_other_switches_of_the_production_example_do_what_they_say() -> None:
    assert {item["architectures"][0] for item in PROD.all("aws_lambda_function").values()} == {"arm64"}
    assert PROD.one("aws_elasticache_replication_group")["num_cache_clusters"] == 2
    assert "data_rights" in PROD.all("aws_lambda_function")
    without = Defined(graph("prod", gdpr_compliance_enabled=False))
    assert "data_rights" not in without.all("aws_lambda_function")
    assert "exports" not in without.all("aws_s3_bucket")
    other = Defined(graph("prod", lambda_architecture="x86_64")).all("aws_lambda_function")
    assert other["health"]["architectures"] == ["x86_64"]
    assert PROD.one("aws_budgets_budget")["limit_amount"] == "1000"


@pytest.mark.requirement("AN-R03", "AN-S18")
@pytest.mark.parametrize(("tier", "wanted"), [
    ("basic", set()), ("standard", {"vpc", "cache", "config", "backup"}),
    ("enterprise", {"vpc", "cache", "config", "backup", "guardduty", "security_hub"}),
])
@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_tier_is_a_full_set_of_switches(stage: str, tier: str, wanted: set[str]) -> None:
    assert features(Defined(graph(stage, tier=tier)), Defined(graph(stage, folder="account", tier=tier))) == wanted


@pytest.mark.requirement("AN-R04", "AN-C14", "AN-S10")
@pytest.mark.parametrize(("stage", "wanted", "nodes", "budget", "copy"), [
    ("dev", set(), 0, "50", None), ("staging", {"vpc", "cache", "config", "backup", "guardduty"}, 1, "200", None),
    ("prod", {"vpc", "cache", "config", "backup", "guardduty", "security_hub"}, 2, "1000", "us_west_2"),
])
def test_each_environment_has_its_presets(stage: str, wanted: set[str], nodes: int, budget: str, copy: str | None) -> None:
    defined = Defined(graph(stage))
    assert features(defined, ACCOUNT[stage]) == wanted
    assert [item["num_cache_clusters"] for item in defined.all("aws_elasticache_replication_group").values()] == (
        [nodes] if nodes else [])
    assert defined.one("aws_budgets_budget")["limit_amount"] == budget
    copies = [defined.provider(f"aws_backup_vault.{name}") for name in defined.all("aws_backup_vault")]
    assert [alias for alias in copies if alias] == ([copy] if copy else [])


@pytest.mark.requirement("AN-R05", "AN-C18")
def test_the_state_is_encrypted_versioned_locked_and_closed() -> None:
    made = configuration(Wish("us-east-1"), "groundsill-state-123456789012-us-east-1")["resource"]
    assert made["aws_s3_bucket_versioning"]["state"]["versioning_configuration"] == {"status": "Enabled"}
    (rule,) = made["aws_s3_bucket_server_side_encryption_configuration"]["state"]["rule"]
    assert rule["apply_server_side_encryption_by_default"]["sse_algorithm"] == "AES256"
    block = made["aws_s3_bucket_public_access_block"]["state"]
    assert {block[name] for name in block if name != "bucket"} == {True}
    backend = with_defaults({"bucket": "state", "region": "us-east-1"}, "ai-nutritionist", "prod")
    assert (backend["encrypt"], backend["use_lockfile"]) == (True, True)


@WITH_NETWORK
@pytest.mark.requirement("AN-R06", "AN-R07", "AN-R08", "AN-R09", "AN-S17")
def test_the_network_has_private_and_public_subnets_in_two_zones(stage: Defined) -> None:
    vpc = stage.one("aws_vpc")
    assert (vpc["enable_dns_support"], vpc["enable_dns_hostnames"]) == (True, True)
    subnets = stage.all("aws_subnet")
    for kind in ("public", "private"):
        zones = [item["availability_zone"] for name, item in subnets.items() if kind in name]
        assert sorted(zones) == ["us-east-1a", "us-east-1b"]
    assert {item["map_public_ip_on_launch"] for item in subnets.values()} == {False}
    assert stage.one("aws_internet_gateway")["vpc_id"] == "${aws_vpc.main.id}"


@pytest.mark.requirement("AN-R10", "AN-R11")
@pytest.mark.parametrize(("stage", "gateways"), [(STAGING, 1), (PROD, 2)], ids=("staging", "prod"))
def test_private_subnets_reach_twilio_and_stripe_through_nat_gateways(stage: Defined, gateways: int) -> None:
    assert len(stage.all("aws_nat_gateway")) == len(stage.all("aws_eip")) == gateways
    assert {item["subnet_id"] for item in stage.all("aws_nat_gateway").values()} <= {
        "${aws_subnet.main_public_a.id}", "${aws_subnet.main_public_b.id}"}
    routes = stage.all("aws_route").values()
    assert {item["destination_cidr_block"] for item in routes} == {"0.0.0.0/0"}
    assert len([item for item in routes if "nat_gateway_id" in item]) == gateways
    assert len([item for item in routes if "gateway_id" in item]) == 1
    associated = {item["subnet_id"] for item in stage.all("aws_route_table_association").values()}
    assert associated == {f"${{aws_subnet.{name}.id}}" for name in stage.all("aws_subnet")}


@WITH_NETWORK
@pytest.mark.requirement("AN-R12", "AN-S17")
def test_functions_reach_aws_services_without_the_internet(stage: Defined) -> None:
    endpoints = {item["service_name"].partition("us-east-1.")[2]: item for item in stage.all("aws_vpc_endpoint").values()}
    assert {name for name, item in endpoints.items() if item["vpc_endpoint_type"] == "Gateway"} == {"dynamodb", "s3"}
    private = {name for name, item in endpoints.items() if item["vpc_endpoint_type"] == "Interface"}
    assert private == {"sqs", "secretsmanager", "kms", "logs", "bedrock-runtime"}
    for name in private:
        assert endpoints[name]["private_dns_enabled"] is True
        assert endpoints[name]["subnet_ids"] == ["${aws_subnet.main_private_a.id}", "${aws_subnet.main_private_b.id}"]


@WITH_NETWORK
@pytest.mark.requirement("AN-R13", "AN-S17")
def test_only_functions_that_use_the_cache_reach_it_and_nothing_reaches_functions(stage: Defined) -> None:
    rules = stage.all("aws_vpc_security_group_ingress_rule").values()
    cache = [item for item in rules if item["security_group_id"] == "${aws_security_group.cache.id}"]
    assert {(item["referenced_security_group_id"], item["from_port"], item["to_port"]) for item in cache} == {
        (f"${{aws_security_group.{name}.id}}", 6379, 6379) for name in ("universal_message_handler", "async_worker", "health")}
    others = [item for item in rules if item not in cache]
    assert [(item["security_group_id"], item["cidr_ipv4"], item["from_port"]) for item in others] == [
        ("${aws_security_group.main_endpoints.id}", "10.0.0.0/16", 443)]
    out = {item["security_group_id"] for item in stage.all("aws_vpc_security_group_egress_rule").values()}
    assert out == {f"${{aws_security_group.{name}.id}}" for name in stage.all("aws_lambda_function")}
    assert "aws_default_security_group" in stage.types()


@WITH_NETWORK
@pytest.mark.requirement("AN-R14", "AN-S17")
def test_the_networks_traffic_is_recorded(stage: Defined) -> None:
    log = stage.one("aws_flow_log")
    assert (log["traffic_type"], log["vpc_id"]) == ("ALL", "${aws_vpc.main.id}")
    assert log["log_destination"] == "${aws_cloudwatch_log_group.main_flow.arn}"


@pytest.mark.requirement("AN-R15", "AN-C12")
def test_a_network_that_is_there_already_is_used_and_not_changed() -> None:
    stage = Defined(graph("staging", network="existing", vpc_id=VPC, subnet_ids=SUBNETS))
    assert not {type_ for type_ in stage.types() if type_ in (
        "aws_vpc", "aws_subnet", "aws_nat_gateway", "aws_route_table", "aws_internet_gateway", "aws_vpc_endpoint")}
    found = {resource.address: resource.arguments for resource in stage.graph if resource.data}
    assert found["data.aws_vpc.main"]["id"] == VPC
    ids = [f"${{data.aws_subnet.main_private_{number}.id}}" for number in (1, 2)]
    assert stage.one("aws_elasticache_subnet_group")["subnet_ids"] == ids
    assert {tuple(item["vpc_config"][0]["subnet_ids"]) for item in stage.all("aws_lambda_function").values()} == {tuple(ids)}
    assert stage.all("aws_security_group")["cache"]["vpc_id"] == "${data.aws_vpc.main.id}"


@pytest.mark.requirement("AN-R15", "AN-C12", "AN-C13")
def test_modes_of_the_network_are_not_mixed_and_a_cache_needs_one() -> None:
    assert "vpc_id" in refused("staging", network="existing")
    assert "vpc_id" in refused("staging", network="existing", vpc_id=VPC, subnet_ids=["subnet-0123456789abcdef0"])
    assert "existing" in refused("staging", vpc_id=VPC)
    assert "a cache lives in a network" in refused("prod", network="none", enable_elasticache=True)
    assert "Security Hub" in refused("prod", enable_security_hub=True, enable_aws_config=False)
    without = Defined(graph("prod", network="none"))
    assert not without.types() & {"aws_vpc", "aws_elasticache_replication_group", "aws_security_group"}


@pytest.mark.requirement("AN-R16", "AN-C16", "AN-S26")
@pytest.mark.parametrize(("stage", "nodes"), [(STAGING, 1), (PROD, 2)], ids=("staging", "prod"))
def test_the_cache_is_encrypted_and_fails_over_only_where_it_has_a_second_node(stage: Defined, nodes: int) -> None:
    cache = stage.one("aws_elasticache_replication_group")
    assert (cache["engine"], cache["node_type"], cache["num_cache_clusters"]) == ("valkey", "cache.t4g.micro", nodes)
    assert (cache["automatic_failover_enabled"], cache["multi_az_enabled"]) == (nodes > 1, nodes > 1)
    assert cache["transit_encryption_enabled"] is True
    assert str(cache["at_rest_encryption_enabled"]).lower() == "true"
    assert cache["kms_key_id"] == "${aws_kms_key.data.arn}"
    assert stage.environment("universal_message_handler")["CACHE_URL"].startswith("rediss://")


@WITH_NETWORK
@pytest.mark.requirement("AN-R17")
def test_the_cache_lives_in_private_subnets_and_forgets_what_is_used_least(stage: Defined) -> None:
    assert stage.one("aws_elasticache_subnet_group")["subnet_ids"] == [
        "${aws_subnet.main_private_a.id}", "${aws_subnet.main_private_b.id}"]
    group = stage.one("aws_elasticache_parameter_group")
    assert group["family"] == "valkey8"
    assert group["parameter"] == [{"name": "maxmemory-policy", "value": "allkeys-lru"}]


def test_without_a_cache_answers_are_kept_in_a_table_whose_rows_expire() -> None:
    answers = DEV.all("aws_dynamodb_table")["answers"]
    assert answers["ttl"] == [{"attribute_name": "ExpiresAt", "enabled": True}]
    assert DEV.environment("universal_message_handler")["ANSWERS_TABLE"] == "${aws_dynamodb_table.answers.name}"
    assert "answers" not in PROD.all("aws_dynamodb_table")


@EACH
@pytest.mark.requirement("AN-R18", "AN-C20", "AN-S16")
def test_data_at_rest_is_under_a_key_of_the_accounts_own_that_rotates_each_year(stage: Defined) -> None:
    for key in stage.all("aws_kms_key").values():
        assert (key["enable_key_rotation"], key["rotation_period_in_days"]) == (True, 365)
    assert stage.all("aws_kms_alias")["data"]["target_key_id"] == "${aws_kms_key.data.key_id}"
    own = "${aws_kms_key.data.arn}"
    for table in stage.all("aws_dynamodb_table").values():
        assert table["server_side_encryption"] == [{"enabled": True, "kms_key_arn": own}]
    for queue in stage.all("aws_sqs_queue").values():
        assert queue["kms_master_key_id"] == own
    for topic in stage.all("aws_sns_topic").values():
        assert topic["kms_master_key_id"] == own
    for secret in stage.all("aws_secretsmanager_secret").values():
        assert secret["kms_key_id"] == own
    for name, group in stage.all("aws_cloudwatch_log_group").items():
        # A key of one region encrypts nothing in another.
        assert group.get("kms_key_id") == (None if stage.provider(f"aws_cloudwatch_log_group.{name}") else own), name
    for name, vault in stage.all("aws_backup_vault").items():
        away = stage.provider(f"aws_backup_vault.{name}")
        assert vault["kms_key_arn"] == (f"${{aws_kms_key.data_{away}.arn}}" if away else own)
    rules = stage.all("aws_s3_bucket_server_side_encryption_configuration")
    default = {name: item["rule"][0]["apply_server_side_encryption_by_default"][0] for name, item in rules.items()}
    assert default["exports"] == {"sse_algorithm": "aws:kms", "kms_master_key_id": own}
    # What everybody may read needs no key of the account's own, and CloudFront could not use it.
    assert default["site"]["sse_algorithm"] == "AES256"


@EACH
@pytest.mark.requirement("AN-R18")
def test_services_that_encrypt_in_their_own_name_may_use_the_key(stage: Defined) -> None:
    statements = {item["Sid"]: item for item in stage.all("aws_kms_key")["data"]["policy"]["Statement"]}
    services = set(statements["ServicesOfTheSystem"]["Principal"]["Service"])
    assert {"logs.us-east-1.amazonaws.com", "cloudwatch.amazonaws.com", "budgets.amazonaws.com",
            "costalerts.amazonaws.com"} <= services
    assert ("backup.amazonaws.com" in services) == (stage is not DEV)


@EACH
@pytest.mark.requirement("AN-R34", "AN-C24", "AN-C10", "AN-S19")
def test_the_api_stands_behind_rate_rules_and_managed_rules_whose_refusals_are_logged(stage: Defined) -> None:
    acl = stage.all("aws_wafv2_web_acl")["api_rules"]
    assert acl["scope"] == "REGIONAL"
    assert stage.provider("aws_wafv2_web_acl.api_rules") is None
    rules = {rule["name"]: rule for rule in acl["rule"]}
    rate = rules["rate-limit"]["statement"][0]["rate_based_statement"][0]
    assert (rate["limit"], rate["evaluation_window_sec"], rate["aggregate_key_type"]) == (500, 300, "IP")
    assert rules["rate-limit"]["action"] == [{"block": [{}]}]
    assert {"AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet",
            "AWSManagedRulesAmazonIpReputationList"} <= set(rules)
    association = stage.one("aws_wafv2_web_acl_association")
    assert association["resource_arn"] == "${aws_api_gateway_stage.api.arn}"
    assert association["web_acl_arn"] == "${aws_wafv2_web_acl.api_rules.arn}"
    logging = stage.all("aws_wafv2_web_acl_logging_configuration")["api_rules"]
    assert logging["log_destination_configs"] == ["${aws_cloudwatch_log_group.api_rules.arn}"]
    assert stage.all("aws_cloudwatch_log_group")["api_rules"]["name"].startswith("aws-waf-logs-")
    hidden = {item["single_header"][0]["name"] for item in logging["redacted_fields"]}
    assert {"x-twilio-signature", "stripe-signature", "x-api-key"} <= hidden


@EACH
@pytest.mark.requirement("AN-R35", "AN-C24")
def test_the_web_site_has_rules_of_its_own_where_cloudfront_looks_for_them(stage: Defined) -> None:
    assert stage.all("aws_wafv2_web_acl")["site_rules"]["scope"] == "CLOUDFRONT"
    assert stage.one("aws_cloudfront_distribution")["web_acl_id"] == "${aws_wafv2_web_acl.site_rules.arn}"
    elsewhere = Defined(graph(stage.stage, region="eu-central-1"))
    assert elsewhere.provider("aws_wafv2_web_acl.site_rules") == "us_east_1"
    assert elsewhere.provider("aws_wafv2_web_acl.api_rules") is None


@EACH
@pytest.mark.requirement("AN-R36")
def test_pages_are_in_a_private_encrypted_bucket_with_a_unique_name_and_a_lifecycle(stage: Defined) -> None:
    assert stage.all("aws_s3_bucket")["site"]["bucket_prefix"].startswith("ai-nutritionist-site-")
    block = stage.all("aws_s3_bucket_public_access_block")["site"]
    assert {value for name, value in block.items() if name != "bucket"} == {True}
    (encryption,) = stage.all("aws_s3_bucket_server_side_encryption_configuration")["site"]["rule"]
    assert encryption["apply_server_side_encryption_by_default"] == [{"sse_algorithm": "AES256"}]
    rules = {rule["id"]: rule for rule in stage.all("aws_s3_bucket_lifecycle_configuration")["site"]["rule"]}
    assert rules["old-versions"]["noncurrent_version_expiration"] == [{"noncurrent_days": 30}]
    changed = Defined(graph(stage.stage, site_old_version_days=7)).all("aws_s3_bucket_lifecycle_configuration")["site"]
    assert {"noncurrent_days": 7} in [item for rule in changed["rule"] for item in rule.get("noncurrent_version_expiration", [])]
    statements = {item["Sid"]: item for item in stage.all("aws_s3_bucket_policy")["site"]["policy"]["Statement"]}
    (reads,) = [item for item in statements.values() if item["Principal"] == {"Service": "cloudfront.amazonaws.com"}]
    assert reads["Action"] == ["s3:GetObject"]
    assert reads["Condition"] == {"StringEquals": {"AWS:SourceArn": "${aws_cloudfront_distribution.site_cdn.arn}"}}
    assert statements["EncryptedOnly"]["Effect"] == "Deny"


@EACH
@pytest.mark.requirement("AN-R37", "AN-S16")
def test_the_cdn_caches_encrypts_and_is_the_only_reader_of_the_bucket(stage: Defined) -> None:
    cdn = stage.one("aws_cloudfront_distribution")
    (behavior,) = cdn["default_cache_behavior"]
    assert behavior["viewer_protocol_policy"] == "redirect-to-https"
    assert behavior["cache_policy_id"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"
    assert behavior["response_headers_policy_id"]
    control = stage.one("aws_cloudfront_origin_access_control")
    assert (control["signing_behavior"], control["signing_protocol"]) == ("always", "sigv4")
    named = Defined(graph(stage.stage, domain="nutrition.example", hosted_zone_id="Z123"))
    (certificate,) = named.one("aws_cloudfront_distribution")["viewer_certificate"]
    assert certificate["minimum_protocol_version"] == "TLSv1.2_2021"


@EACH
@pytest.mark.requirement("AN-R38", "AN-R39")
def test_a_domain_is_optional_and_brings_a_certificate_where_cloudfront_looks_and_a_record(stage: Defined) -> None:
    assert not stage.types() & {"aws_acm_certificate", "aws_acm_certificate_validation", "aws_route53_record"}
    named = Defined(graph(stage.stage, domain="nutrition.example", hosted_zone_id="Z123", region="eu-central-1"))
    assert named.provider("aws_acm_certificate.certificate") == "us_east_1"
    assert named.provider("aws_acm_certificate_validation.certificate") == "us_east_1"
    assert named.one("aws_acm_certificate")["validation_method"] == "DNS"
    cdn = named.one("aws_cloudfront_distribution")
    assert cdn["aliases"] == ["nutrition.example"]
    record = [item for item in named.all("aws_route53_record").values() if "alias" in item]
    assert {item["name"] for item in record} == {"nutrition.example"}
    assert record[0]["alias"][0]["name"] == "${aws_cloudfront_distribution.site_cdn.domain_name}"
    assert {item["zone_id"] for item in record} == {"Z123"}


@EACH
@pytest.mark.requirement("AN-R68", "AN-S25")
def test_every_resource_that_can_carry_tags_says_whose_it_is(stage: Defined) -> None:
    from groundsill.aws.schema import type_schema

    counted = 0
    for resource in stage.graph:
        schema = type_schema(resource.type, data=resource.data)
        assert schema is not None
        tags = schema.attributes.get("tags")
        if resource.data or tags is None or not tags.settable:
            continue
        counted += 1
        assert {"System", "Stage", "Component", "ManagedBy"} <= set(resource.arguments["tags"]) | (
            {"Component"} if not resource.component else set()), resource
        assert resource.arguments["tags"]["System"] == "ai-nutritionist"
    assert counted > 50
    assert len(stage.graph) > 50
