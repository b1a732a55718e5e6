"""The definition against the requirement rows: names, certificates, CDNs, APIs, sockets, sign-in, the firewall."""

from __future__ import annotations

import pytest
from mt_support.defined import graph

from groundsill.testing import Defined

DEV, STAGING, PROD = (Defined(graph(stage)) for stage in ("dev", "staging", "prod"))
BEHIND_CDN = Defined(graph("prod", front="cdn"))
NAMES = {DEV: "dev", STAGING: "staging", PROD: "prod"}
STAGES = pytest.mark.parametrize("stage", NAMES, ids=NAMES.values())
INFIX = {DEV: "-dev", STAGING: "-staging", PROD: ""}
DOMAIN = "multitask.example"
SERVICES = ("auth", "profile", "chat", "posts", "catalog", "ai")
API, SOCKETS = "${aws_api_gateway_rest_api.multitask_api", "${aws_apigatewayv2_api.multitask_sockets"


@STAGES
@pytest.mark.requirement("MT-R05")
def test_the_site_lies_in_a_private_bucket_that_the_cdn_alone_reads(stage: Defined) -> None:
    block = stage.all("aws_s3_bucket_public_access_block")["platform_site_bucket"]
    assert all(block[name] for name in (
        "block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"))
    refused, allowed = stage.all("aws_s3_bucket_policy")["platform_site_bucket"]["policy"]["Statement"]
    assert (refused["Effect"], refused["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert allowed["Action"] == ["s3:GetObject"]
    assert allowed["Condition"] == {"StringEquals": {"AWS:SourceArn": "${aws_cloudfront_distribution.platform_site_cdn.arn}"}}


@STAGES
@pytest.mark.requirement("MT-R06", "MT-C34")
def test_the_site_is_served_over_tls_at_its_own_names(stage: Defined) -> None:
    site = stage.all("aws_cloudfront_distribution")["platform_site_cdn"]
    (origin,) = site["origin"]
    assert origin["domain_name"] == "${aws_s3_bucket.platform_site_bucket.bucket_regional_domain_name}"
    access = stage.all("aws_cloudfront_origin_access_control")["platform_site_cdn"]
    assert (access["signing_behavior"], access["signing_protocol"]) == ("always", "sigv4")
    hosts = [DOMAIN, f"www.{DOMAIN}"] if stage is PROD else [f"{NAMES[stage]}.{DOMAIN}"]
    assert site["aliases"] == hosts
    assert site["viewer_certificate"][0]["minimum_protocol_version"] == "TLSv1.2_2021"
    assert site["default_cache_behavior"][0]["viewer_protocol_policy"] == "redirect-to-https"
    assert "function_association" in site["default_cache_behavior"][0]


@pytest.mark.requirement("MT-R06", "MT-C44")
def test_behind_the_cdn_the_api_has_one_way_in_and_a_key_that_only_the_cdn_knows() -> None:
    site = BEHIND_CDN.all("aws_cloudfront_distribution")["platform_site_cdn"]
    origin = next(item for item in site["origin"] if item["origin_id"] == "multitask-api")
    assert origin["domain_name"] == API + ".id}.execute-api.us-east-1.amazonaws.com"
    assert origin["origin_path"] == "/prod"
    assert origin["custom_header"] == [
        {"name": "x-api-key", "value": "${aws_api_gateway_api_key.multitask_api_cdn_origin.value}"}]
    behaviors = site["ordered_cache_behavior"]
    assert [item["path_pattern"] for item in behaviors] == ["/v1/*", "/health"]
    assert "DELETE" in behaviors[0]["allowed_methods"]
    methods = BEHIND_CDN.all("aws_api_gateway_method").values()
    assert all(method["api_key_required"] for method in methods if method["http_method"] != "OPTIONS")
    assert not BEHIND_CDN.all("aws_api_gateway_domain_name")
    assert PROD.one("aws_api_gateway_rest_api")["disable_execute_api_endpoint"] is True
    assert not PROD.all("aws_api_gateway_api_key")


@STAGES
@pytest.mark.requirement("MT-R07")
def test_names_lead_to_the_cdns_and_the_apis(stage: Defined) -> None:
    records = {item["name"]: item["alias"][0]["name"] for item in stage.all("aws_route53_record").values() if "alias" in item}
    site, cdn = (f"${{aws_cloudfront_distribution.{name}.domain_name}}" for name in ("platform_site_cdn", "profile_avatars_cdn"))
    sites = [DOMAIN, f"www.{DOMAIN}"] if stage is PROD else [f"{NAMES[stage]}.{DOMAIN}"]
    socket = "${aws_apigatewayv2_domain_name.multitask_sockets.domain_name_configuration[0].target_domain_name}"
    assert records == dict.fromkeys(sites, site) | {
        f"cdn{INFIX[stage]}.{DOMAIN}": cdn,
        f"api{INFIX[stage]}.{DOMAIN}": "${aws_api_gateway_domain_name.multitask_api.regional_domain_name}",
        f"ws{INFIX[stage]}.{DOMAIN}": socket}
    # Production makes the zone, the others write into it.
    assert len(stage.all("aws_route53_zone")) == (1 if stage is PROD else 0)


@STAGES
@pytest.mark.requirement("MT-R08", "MT-C34", "MT-T09")
def test_the_certificate_covers_the_domain_and_every_name_below_it(stage: Defined) -> None:
    certificate = stage.one("aws_acm_certificate")
    assert (certificate["domain_name"], certificate["subject_alternative_names"]) == (DOMAIN, [f"*.{DOMAIN}"])
    assert certificate["validation_method"] == "DNS"
    assert stage.one("aws_acm_certificate_validation")["certificate_arn"] == "${aws_acm_certificate.multitask_certificate.arn}"


@pytest.mark.requirement("MT-R08", "MT-C34", "MT-T09")
def test_in_another_region_cdns_have_a_certificate_in_us_east_1() -> None:
    stage = Defined(graph("prod", region="eu-central-1"))
    providers = {item.name: item.provider for item in stage.graph.of_type("aws_acm_certificate")}
    assert providers["multitask_certificate"] is None
    assert providers["multitask_cdn_certificate"] is not None
    site = stage.all("aws_cloudfront_distribution")["platform_site_cdn"]
    assert "multitask_cdn_certificate" in site["viewer_certificate"][0]["acm_certificate_arn"]


@STAGES
@pytest.mark.requirement("MT-R09", "MT-C26", "MT-T05")
def test_each_service_has_its_root_and_everything_below_it_and_health_is_open(stage: Defined) -> None:
    resources = stage.all("aws_api_gateway_resource")

    def path(identifier: str) -> str:
        if identifier.endswith(".root_resource_id}"):
            return ""
        part = resources[identifier.removeprefix("${aws_api_gateway_resource.").removesuffix(".id}")]
        return f"{path(part['parent_id'])}/{part['path_part']}"

    methods = [item for item in stage.all("aws_api_gateway_method").values() if item["http_method"] != "OPTIONS"]
    assert {(item["http_method"], path(item["resource_id"])) for item in methods} == {
        ("GET", "/health"), *(("ANY", f"/v1/{name}{end}") for name in SERVICES for end in ("", "/{proxy+}"))}
    integrations = stage.all("aws_api_gateway_integration")
    for name in SERVICES:
        integration = integrations[f"multitask_api_any_v1_{name}_proxy"]
        assert integration["type"] == "AWS_PROXY"
        assert integration["uri"] == f"${{aws_lambda_alias.{name}_lambda.invoke_arn}}"
    api_stage = stage.one("aws_api_gateway_stage")
    assert (api_stage["stage_name"], api_stage["xray_tracing_enabled"]) == (NAMES[stage], True)
    deployment = stage.graph.resources["aws_api_gateway_deployment.multitask_api"]
    assert {f"aws_api_gateway_integration.{name}" for name in integrations} <= set(deployment.depends_on)


@pytest.mark.requirement("MT-R09", "MT-C28")
def test_preflights_name_methods_and_the_stages_origins() -> None:
    for stage in (DEV, PROD):
        headers = stage.all("aws_api_gateway_integration_response")["multitask_api_options_v1_posts"]["response_parameters"]
        assert headers["method.response.header.Access-Control-Allow-Methods"] == "'GET,POST,PUT,PATCH,DELETE,OPTIONS'"
    template = PROD.all("aws_api_gateway_integration_response")["multitask_api_options_v1_posts"]["response_templates"]
    assert all(f'"https://{host}"' in template["application/json"] for host in (DOMAIN, f"www.{DOMAIN}"))


@STAGES
@pytest.mark.requirement("MT-R10", "MT-C33", "MT-C44")
def test_the_api_has_a_name_of_its_own_in_every_stage(stage: Defined) -> None:
    name = stage.one("aws_api_gateway_domain_name")
    assert name["domain_name"] == f"api{INFIX[stage]}.{DOMAIN}"
    assert name["security_policy"] == "TLS_1_2"
    mapping = stage.one("aws_api_gateway_base_path_mapping")
    assert mapping["api_id"] == API + ".id}"
    assert "base_path" not in mapping


@STAGES
@pytest.mark.requirement("MT-R11", "MT-C36")
def test_rooms_are_open_over_a_websocket(stage: Defined) -> None:
    api = stage.one("aws_apigatewayv2_api")
    assert (api["protocol_type"], api["route_selection_expression"]) == ("WEBSOCKET", "$request.body.action")
    routes = {item["route_key"]: item for item in stage.all("aws_apigatewayv2_route").values()}
    assert set(routes) == {"$connect", "$disconnect", "$default", "join_room", "send_message"}
    assert {item["target"] for item in routes.values()} == {
        "integrations/${aws_apigatewayv2_integration.multitask_sockets_chat_lambda.id}"}
    assert stage.one("aws_apigatewayv2_integration")["integration_uri"] == "${aws_lambda_alias.chat_lambda.invoke_arn}"
    assert stage.one("aws_apigatewayv2_stage")["name"] == NAMES[stage]


@STAGES
@pytest.mark.requirement("MT-R11", "MT-C25", "MT-R71")
def test_nobody_connects_without_being_let_in(stage: Defined) -> None:
    routes = {item["route_key"]: item["authorization_type"] for item in stage.all("aws_apigatewayv2_route").values()}
    assert routes.pop("$connect") == "CUSTOM"
    assert set(routes.values()) == {"NONE"}
    authorizer = stage.one("aws_apigatewayv2_authorizer")
    assert authorizer["authorizer_uri"] == "${aws_lambda_function.chat_authorizer_lambda.invoke_arn}"


@STAGES
@pytest.mark.requirement("MT-R12", "MT-C33")
def test_the_websocket_has_a_name_of_its_own_in_every_stage(stage: Defined) -> None:
    assert stage.one("aws_apigatewayv2_domain_name")["domain_name"] == f"ws{INFIX[stage]}.{DOMAIN}"
    assert stage.one("aws_apigatewayv2_api_mapping")["api_id"] == SOCKETS + ".id}"


@STAGES
@pytest.mark.requirement("MT-R13", "MT-C33")
def test_avatars_have_a_name_of_their_own_in_every_stage(stage: Defined) -> None:
    assert stage.all("aws_cloudfront_distribution")["profile_avatars_cdn"]["aliases"] == [f"cdn{INFIX[stage]}.{DOMAIN}"]


@STAGES
@pytest.mark.requirement("MT-R51")
def test_avatars_are_served_by_a_cdn_that_the_profile_service_knows(stage: Defined) -> None:
    (origin,) = stage.all("aws_cloudfront_distribution")["profile_avatars_cdn"]["origin"]
    assert origin["domain_name"] == "${aws_s3_bucket.profile_avatars_bucket.bucket_regional_domain_name}"
    assert stage.environment("profile_lambda")["CLOUDFRONT_DOMAIN"] == f"cdn{INFIX[stage]}.{DOMAIN}"


@STAGES
@pytest.mark.requirement("MT-R14", "MT-S02")
def test_people_sign_up_with_a_verified_address_and_a_strong_password(stage: Defined) -> None:
    pool = stage.one("aws_cognito_user_pool")
    assert pool["username_attributes"] == pool["auto_verified_attributes"] == ["email"]
    (rules,) = pool["password_policy"]
    assert rules["minimum_length"] == 8
    assert all(rules[f"require_{kind}"] for kind in ("lowercase", "uppercase", "numbers", "symbols"))
    assert pool["account_recovery_setting"] == [{"recovery_mechanism": [{"name": "verified_email", "priority": 1}]}]
    assert "admin_create_user_config" not in pool  # everybody may sign up
    (mail,) = pool["verification_message_template"]
    assert mail["email_subject"] == "Verify your email for Multitask Platform"
    assert mail["email_message"] == "Your verification code is {####}"


@STAGES
@pytest.mark.requirement("MT-R15")
def test_the_auth_service_knows_the_client_of_the_user_pool(stage: Defined) -> None:
    client = stage.one("aws_cognito_user_pool_client")
    assert (client["user_pool_id"], client["generate_secret"]) == ("${aws_cognito_user_pool.multitask_users.id}", False)
    assert stage.environment("auth_lambda")["COGNITO_CLIENT_ID"] == "${aws_cognito_user_pool_client.multitask_users_app.id}"


@STAGES
@pytest.mark.requirement("MT-R60", "MT-S01", "MT-C21")
def test_an_address_that_asks_too_often_or_badly_is_refused(stage: Defined) -> None:
    acl = stage.all("aws_wafv2_web_acl")["multitask_waf"]
    assert (acl["name"], acl["scope"]) == (f"multitask-waf-{NAMES[stage]}", "REGIONAL")
    assert acl["default_action"] == [{"allow": [{}]}]
    rate, common = acl["rule"]
    assert rate["action"] == [{"block": [{}]}]
    (limit,) = rate["statement"][0]["rate_based_statement"]
    assert (limit["limit"], limit["aggregate_key_type"], limit["evaluation_window_sec"]) == (1000, "IP", 300)
    assert common["override_action"] == [{"none": [{}]}]
    assert common["statement"][0]["managed_rule_group_statement"][0]["name"] == "AWSManagedRulesCommonRuleSet"
    for seen in (acl, rate, common):
        (config,) = seen["visibility_config"]
        assert config["sampled_requests_enabled"] and config["cloudwatch_metrics_enabled"] and config["metric_name"]


@STAGES
@pytest.mark.requirement("MT-R61", "MT-C21")
def test_the_firewall_stands_before_the_api_and_another_before_the_site(stage: Defined) -> None:
    association = stage.one("aws_wafv2_web_acl_association")
    assert association["resource_arn"] == "${aws_api_gateway_stage.multitask_api.arn}"
    assert association["web_acl_arn"] == "${aws_wafv2_web_acl.multitask_waf.arn}"
    assert stage.all("aws_wafv2_web_acl")["multitask_cdn_waf"]["scope"] == "CLOUDFRONT"
    site = stage.all("aws_cloudfront_distribution")["platform_site_cdn"]
    assert site["web_acl_id"] == "${aws_wafv2_web_acl.multitask_cdn_waf.arn}"


@STAGES
@pytest.mark.requirement("MT-R71", "MT-C25")
def test_everything_but_signing_in_and_health_wants_a_token(stage: Defined) -> None:
    authorizer = stage.one("aws_api_gateway_authorizer")
    assert authorizer["type"] == "COGNITO_USER_POOLS"
    assert authorizer["provider_arns"] == ["${aws_cognito_user_pool.multitask_users.arn}"]
    guarded = {name.removeprefix("multitask_api_"): item["authorization"]
               for name, item in stage.all("aws_api_gateway_method").items() if item["http_method"] != "OPTIONS"}
    opened = {name for name, kind in guarded.items() if kind == "NONE"}
    assert opened == {"any_v1_auth", "any_v1_auth_proxy", "get_health"}
    assert set(guarded.values()) == {"NONE", "COGNITO_USER_POOLS"}


@STAGES
@pytest.mark.requirement("MT-R72")
def test_operators_read_addresses_and_names_from_outputs(stage: Defined) -> None:
    outputs = stage.outputs
    assert outputs["api_url"] == f"https://api{INFIX[stage]}.{DOMAIN}"
    assert outputs["websocket_url"] == f"wss://ws{INFIX[stage]}.{DOMAIN}"
    assert outputs["cdn_domain"] == f"cdn{INFIX[stage]}.{DOMAIN}"
    assert outputs["user_pool_id"] == "${aws_cognito_user_pool.multitask_users.id}"
    assert outputs["user_pool_client_id"] == "${aws_cognito_user_pool_client.multitask_users_app.id}"
    assert len(outputs["table_names"]) == 9
    assert len(outputs["bucket_names"]) == 4
