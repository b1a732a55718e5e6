"""The definition against the requirement rows: network, groups, load balancers, names and certificate."""

from __future__ import annotations

import pytest
from iu_support.defined import graph

from groundsill.testing import Defined

STAGE_NAMES = ("dev", "staging", "prod")
ALL = {name: Defined(graph(name)) for name in STAGE_NAMES}
DEV, PROD = ALL["dev"], ALL["prod"]
STAGES = pytest.mark.parametrize("stage", list(ALL.values()), ids=STAGE_NAMES)
DOMAINS = {
    DEV: "imageunderstander.example",
    ALL["staging"]: "staging.imageunderstander.example",
    PROD: "app.imageunderstander.example",
}
ANYBODY = "0.0.0.0/0"


def with_extra(*extras: str, stage: str = "dev", **settings: object) -> Defined:
    """A stage whose settings name optional parts."""
    from iu_support.defined import FOLDER

    from groundsill.definition.running import load_system

    return Defined(load_system(FOLDER).build(stage, {"extras": list(extras), **settings}))


def group(name: str) -> str:
    return f"${{aws_security_group.{name}.id}}"


@STAGES
@pytest.mark.requirement("IU-R02")
def test_the_network_has_names_switched_on(stage: Defined) -> None:
    vpc = stage.one("aws_vpc")
    assert (vpc["cidr_block"], vpc["enable_dns_hostnames"], vpc["enable_dns_support"]) == ("10.0.0.0/16", True, True)


@STAGES
@pytest.mark.parametrize(
    ("kind", "cidrs"),
    [
        pytest.param("public", ["10.0.1.0/24", "10.0.2.0/24"], marks=pytest.mark.requirement("IU-R03")),
        pytest.param("private", ["10.0.11.0/24", "10.0.12.0/24"], marks=pytest.mark.requirement("IU-R04")),
    ],
)
@pytest.mark.requirement("IU-C27")
def test_there_are_two_subnets_of_each_kind_in_two_zones_tagged_with_it(
    stage: Defined, kind: str, cidrs: list[str]
) -> None:
    subnets = [item for name, item in stage.all("aws_subnet").items() if kind in name]
    assert [item["cidr_block"] for item in subnets] == cidrs
    assert [item["availability_zone"] for item in subnets] == ["us-east-1a", "us-east-1b"]
    assert {item["tags"]["Type"] for item in subnets} == {kind.capitalize()}


@STAGES
@pytest.mark.requirement("IU-R05", "IU-R06", "IU-R07", "IU-C26")
def test_private_subnets_lead_out_through_one_gateway_or_one_a_zone_in_production(stage: Defined) -> None:
    count = 2 if stage is PROD else 1
    assert len(stage.all("aws_nat_gateway")) == len(stage.all("aws_eip")) == count
    assert stage.one("aws_internet_gateway")["vpc_id"] == "${aws_vpc.main.id}"
    routes = {route["route_table_id"]: route for route in stage.all("aws_route").values()}
    tables = {item["subnet_id"]: item["route_table_id"] for item in stage.all("aws_route_table_association").values()}
    for index, letter in enumerate("ab"):
        public = routes[tables[f"${{aws_subnet.main_public_{letter}.id}}"]]
        assert public["gateway_id"] == "${aws_internet_gateway.main.id}"
        private = routes[tables[f"${{aws_subnet.main_private_{letter}.id}}"]]
        assert private["nat_gateway_id"] == f"${{aws_nat_gateway.main_{'ab'[index if count == 2 else 0]}.id}}"


@pytest.mark.requirement("IU-R08", "IU-C02")
def test_the_s3_endpoint_is_always_there_and_paid_ones_only_as_a_complete_set() -> None:
    free = {item["service_name"] for item in DEV.all("aws_vpc_endpoint").values()}
    assert "com.amazonaws.us-east-1.s3" in free
    assert {item["vpc_endpoint_type"] for item in DEV.all("aws_vpc_endpoint").values()} == {"Gateway"}
    on = with_extra("endpoints")
    services = {
        item["service_name"].rpartition(".")[2]
        for item in on.all("aws_vpc_endpoint").values()
        if item["vpc_endpoint_type"] == "Interface"
    }
    assert services == {"ssm", "ssmmessages", "secretsmanager", "logs", "monitoring"}


@pytest.mark.requirement("IU-R09")
def test_peering_comes_only_when_a_setting_names_it() -> None:
    assert not DEV.all("aws_vpc_peering_connection")
    on = with_extra("peering", peer_vpc_id="vpc-0123456789abcdef0")
    assert on.one("aws_vpc_peering_connection")["peer_vpc_id"] == "vpc-0123456789abcdef0"
    assert [route for route in on.all("aws_route").values() if route.get("destination_cidr_block") == "10.1.0.0/16"]


@STAGES
@pytest.mark.requirement("IU-R10", "IU-S08", "IU-S10")
def test_anybody_reaches_the_public_load_balancer_alone_and_nobody_port_22(stage: Defined) -> None:
    assert stage.ingress("front") == {(ANYBODY, 80), (ANYBODY, 443)}
    for rule in stage.all("aws_vpc_security_group_ingress_rule").values():
        assert not rule["from_port"] <= 22 <= rule["to_port"]
        if rule.get("cidr_ipv4") == ANYBODY:
            assert rule["security_group_id"] == group("front")
    for name, made in stage.all("aws_security_group").items():
        assert "name" not in made
        assert made["name_prefix"].endswith("-")
        lifecycle = stage.graph[f"aws_security_group.{name}"].lifecycle
        assert lifecycle is not None
        assert lifecycle.create_before_destroy


@STAGES
@pytest.mark.parametrize(
    ("what", "port", "sources"),
    [
        pytest.param("frontend", 8080, {"front"}, marks=pytest.mark.requirement("IU-R11")),
        # Through a load balancer inside the network, which the frontend alone enters.
        pytest.param("backend", 8000, {"inside"}, marks=pytest.mark.requirement("IU-R12", "IU-C03")),
        pytest.param("inside", 80, {"frontend"}, marks=pytest.mark.requirement("IU-R12", "IU-C03")),
        pytest.param("llm", 8001, {"backend"}, marks=pytest.mark.requirement("IU-R13")),
        pytest.param("chromadb", 8000, {"backend", "llm"}, marks=pytest.mark.requirement("IU-R14")),
        pytest.param("db", 3306, {"backend"}, marks=pytest.mark.requirement("IU-R15", "IU-C30")),
    ],
)
@pytest.mark.requirement("IU-C10")
def test_each_group_lets_in_its_callers_and_nobody_else(stage: Defined, what: str, port: int, sources: set[str]) -> None:
    assert stage.ingress(what) == {(group(source), port) for source in sources}


@pytest.mark.requirement("IU-R15", "IU-C30")
def test_the_model_service_reaches_the_database_only_when_a_setting_says_so() -> None:
    on = Defined(graph("dev", model_uses_database=True))
    assert on.ingress("db") == {(group("backend"), 3306), (group("llm"), 3306)}


@STAGES
@pytest.mark.requirement("IU-R39", "IU-S08")
def test_the_load_balancer_is_public_in_both_zones_and_protected_in_production(stage: Defined) -> None:
    balancer = stage.all("aws_lb")["front"]
    assert (balancer["load_balancer_type"], balancer["internal"]) == ("application", False)
    assert balancer["subnets"] == ["${aws_subnet.main_public_a.id}", "${aws_subnet.main_public_b.id}"]
    assert balancer["enable_deletion_protection"] is (stage is PROD)
    # Between zones application load balancers always balance; nothing turns it off for a group.
    assert balancer.get("enable_cross_zone_load_balancing", True) is True
    assert all("load_balancing_cross_zone_enabled" not in item for item in stage.all("aws_lb_target_group").values())


@STAGES
@pytest.mark.requirement("IU-R40", "IU-C31", "IU-S06")
def test_the_frontend_is_checked_every_30_seconds_and_clients_stick_only_by_a_setting(stage: Defined) -> None:
    made = stage.all("aws_lb_target_group")["front_frontend"]
    assert (made["port"], made["target_type"]) == (8080, "instance")
    (check,) = made["health_check"]
    assert (check["path"], check["interval"], check["matcher"]) == ("/health", 30, "200")
    assert "stickiness" not in made
    assert stage.all("aws_autoscaling_group")["frontend"]["target_group_arns"] == [
        "${aws_lb_target_group.front_frontend.arn}"
    ]
    sticky = Defined(graph(stage.graph.stage, sticky_sessions=True)).all("aws_lb_target_group")["front_frontend"]
    assert sticky["stickiness"] == [{"enabled": True, "type": "lb_cookie", "cookie_duration": 86_400}]


@STAGES
@pytest.mark.requirement("IU-R41", "IU-C34", "IU-S07")
def test_tls_has_the_newest_policy_unless_a_setting_names_another(stage: Defined) -> None:
    listener = stage.one("aws_lb_listener", port=443)
    assert (listener["protocol"], listener["ssl_policy"]) == ("HTTPS", "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09")
    assert listener["default_action"] == [
        {"type": "forward", "target_group_arn": "${aws_lb_target_group.front_frontend.arn}"}
    ]
    older = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert Defined(graph(stage.graph.stage, tls_policy=older)).one("aws_lb_listener", port=443)["ssl_policy"] == older


@STAGES
@pytest.mark.requirement("IU-R42", "IU-S07")
def test_port_80_redirects_to_tls(stage: Defined) -> None:
    listener = stage.all("aws_lb_listener")["front_http"]
    assert listener["port"] == 80
    assert listener["default_action"] == [
        {"type": "redirect", "redirect": [{"port": "443", "protocol": "HTTPS", "status_code": "HTTP_301"}]}
    ]


@pytest.mark.requirement("IU-R43")
def test_access_logs_go_to_a_bucket_only_when_a_setting_names_them() -> None:
    assert "access_logs" not in DEV.all("aws_lb")["front"]
    on = with_extra("access-logs")
    (logs,) = on.all("aws_lb")["front"]["access_logs"]
    assert logs["enabled"] is True
    assert logs["bucket"] == "${aws_s3_bucket.access_logs.id}"
    policy = str(on.all("aws_s3_bucket_policy")["access_logs"]["policy"])
    assert "logdelivery.elasticloadbalancing.amazonaws.com" in policy


@STAGES
@pytest.mark.requirement("IU-R45", "IU-R47")
def test_the_certificate_covers_all_hosts_and_validates_itself_where_the_zone_is_ours(stage: Defined) -> None:
    certificate, domain = stage.one("aws_acm_certificate"), DOMAINS[stage]
    assert (certificate["domain_name"], certificate["validation_method"]) == (domain, "DNS")
    assert certificate["subject_alternative_names"] == [f"www.{domain}", f"api.{domain}"]
    records = [name for name in stage.all("aws_route53_record") if "validation" in name]
    listener = stage.one("aws_lb_listener", port=443)
    if stage is DEV:
        assert not records
        assert listener["certificate_arn"] == "${aws_acm_certificate_validation.certificate.certificate_arn}"
    else:
        assert len(records) == 3
        assert listener["certificate_arn"] == "${aws_acm_certificate_validation.certificate.certificate_arn}"


@pytest.mark.requirement("IU-R46")
def test_the_zone_is_made_outside_dev_or_when_a_setting_says_so() -> None:
    assert not DEV.all("aws_route53_zone")
    assert PROD.one("aws_route53_zone")["name"] == DOMAINS[PROD]
    assert Defined(graph("dev", create_hosted_zone=True)).all("aws_route53_zone")
    assert not Defined(graph("prod", create_hosted_zone=False)).all("aws_route53_zone")


@pytest.mark.requirement("IU-R48", "IU-C03")
def test_apex_www_and_api_point_at_the_load_balancer() -> None:
    records = {item["name"]: item for item in PROD.all("aws_route53_record").values() if item["type"] == "A"}
    domain = DOMAINS[PROD]
    assert set(records) == {domain, f"www.{domain}", f"api.{domain}"}
    assert {item["alias"][0]["name"] for item in records.values()} == {"${aws_lb.front.dns_name}"}


@pytest.mark.requirement("IU-R49", "IU-R50", "IU-C24")
def test_production_is_checked_from_outside_and_the_alarm_is_where_the_metric_is() -> None:
    assert not DEV.all("aws_route53_health_check")
    check = PROD.one("aws_route53_health_check")
    assert (check["type"], check["resource_path"], check["fqdn"]) == ("HTTPS", "/health", DOMAINS[PROD])
    assert PROD.one("aws_cloudwatch_metric_alarm", metric_name="HealthCheckStatus")["namespace"] == "AWS/Route53"
    abroad = graph("prod", region="eu-central-1")
    assert abroad["aws_cloudwatch_metric_alarm.outside_unreachable"].provider == "us_east_1"
    assert PROD.graph["aws_cloudwatch_metric_alarm.outside_unreachable"].provider is None


@pytest.mark.requirement("IU-R65")
def test_names_answer_by_latency_only_when_a_setting_says_so() -> None:
    assert all("latency_routing_policy" not in item for item in PROD.all("aws_route53_record").values())
    on = Defined(graph("prod", latency_routing=True))
    routed = [item for item in on.all("aws_route53_record").values() if item["type"] == "A"]
    assert [item["latency_routing_policy"] for item in routed] == [[{"region": "us-east-1"}]] * 3


@pytest.mark.requirement("IU-R55")
def test_flow_logs_come_only_when_a_setting_names_them() -> None:
    assert not DEV.all("aws_flow_log")
    assert with_extra("flow-logs").one("aws_flow_log")["traffic_type"] == "ALL"


@pytest.mark.parametrize(
    ("extra", "types"),
    [
        pytest.param("config", ["aws_config_configuration_recorder"], marks=pytest.mark.requirement("IU-R56")),
        pytest.param("cache", ["aws_elasticache_replication_group"], marks=pytest.mark.requirement("IU-R58")),
        pytest.param(
            "web-rules",
            ["aws_wafv2_web_acl", "aws_wafv2_web_acl_association"],
            marks=pytest.mark.requirement("IU-R59", "IU-C33"),
        ),
        pytest.param(
            "threat-detection",
            ["aws_guardduty_detector", "aws_securityhub_account"],
            marks=pytest.mark.requirement("IU-R60"),
        ),
        pytest.param("audit", ["aws_cloudtrail"], marks=pytest.mark.requirement("IU-R61")),
        pytest.param("dashboard", ["aws_cloudwatch_dashboard"], marks=pytest.mark.requirement("IU-R63")),
        pytest.param("tracing", ["aws_xray_sampling_rule"], marks=pytest.mark.requirement("IU-R63")),
        pytest.param(
            "backup",
            ["aws_backup_vault", "aws_backup_plan", "aws_backup_selection"],
            marks=pytest.mark.requirement("IU-R64"),
        ),
        pytest.param("images", ["aws_ecr_repository"], marks=pytest.mark.requirement("IU-R67")),
    ],
)
@pytest.mark.requirement("IU-S13")
def test_what_the_document_lists_for_later_is_off_until_a_setting_names_it(extra: str, types: list[str]) -> None:
    on = with_extra(extra)
    for type in types:
        assert not DEV.all(type)
        assert on.all(type)


@pytest.mark.requirement("IU-R64")
def test_backups_are_copied_to_another_region_when_a_setting_names_one() -> None:
    on = with_extra("backup", backup_copy_region="us-west-2")
    (rule,) = on.one("aws_backup_plan")["rule"]
    assert rule["copy_action"]
    assert {resource.provider for resource in on.graph.of_type("aws_backup_vault")} == {None, "us_west_2"}
