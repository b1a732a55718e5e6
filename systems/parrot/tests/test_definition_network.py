"""The definition against the requirement rows: network, names, certificate and load balancer."""

from __future__ import annotations

import ipaddress

import pytest
from pa_support.defined import graph

from groundsill.testing import Defined

STAGE_NAMES = ("dev", "stage", "prod")
ALL = {name: Defined(graph(name)) for name in STAGE_NAMES}
DEV, PROD = ALL["dev"], ALL["prod"]
STAGES = pytest.mark.parametrize("stage", list(ALL.values()), ids=STAGE_NAMES)
DOMAINS = {DEV: "parrot.example", ALL["stage"]: "stage.parrot.example", PROD: "app.parrot.example"}


@pytest.mark.requirement("PA-R05", "PA-C36", "PA-S10")
def test_the_network_is_small_in_dev_and_has_room_in_production() -> None:
    for stage, cidr in ((DEV, "10.10.0.0/24"), (PROD, "10.10.0.0/16"), (ALL["stage"], "10.10.0.0/16")):
        vpc = stage.one("aws_vpc")
        assert (vpc["cidr_block"], vpc["enable_dns_hostnames"], vpc["enable_dns_support"]) == (cidr, True, True)


@STAGES
@pytest.mark.requirement("PA-R06", "PA-R09")
def test_public_subnets_lead_to_the_internet_and_private_ones_only_through_nat_if_at_all(stage: Defined) -> None:
    assert stage.one("aws_internet_gateway")["vpc_id"] == "${aws_vpc.main.id}"
    routes = {route["route_table_id"]: route for route in stage.all("aws_route").values()}
    assert routes["${aws_route_table.main_public.id}"]["gateway_id"] == "${aws_internet_gateway.main.id}"
    tables = {item["subnet_id"]: item["route_table_id"] for item in stage.all("aws_route_table_association").values()}
    assert len(tables) == 4
    for letter in "ab":
        assert tables[f"${{aws_subnet.main_public_{letter}.id}}"] == "${aws_route_table.main_public.id}"
        private = tables[f"${{aws_subnet.main_private_{letter}.id}}"]
        if stage is DEV:
            assert private not in routes
        else:
            assert routes[private]["nat_gateway_id"] == f"${{aws_nat_gateway.main_{letter}.id}}"


@pytest.mark.requirement("PA-R07", "PA-R08", "PA-C36")
def test_dev_has_the_four_stated_subnets_in_two_zones() -> None:
    subnets = {name: (item["cidr_block"], item["availability_zone"]) for name, item in DEV.all("aws_subnet").items()}
    assert subnets == {
        "main_public_a": ("10.10.0.0/26", "us-east-1a"),
        "main_public_b": ("10.10.0.64/26", "us-east-1b"),
        "main_private_a": ("10.10.0.128/26", "us-east-1a"),
        "main_private_b": ("10.10.0.192/26", "us-east-1b"),
    }
    ranges = [ipaddress.ip_network(item["cidr_block"]) for item in PROD.all("aws_subnet").values()]
    assert len(ranges) == 4
    assert not any(one.overlaps(other) for one in ranges for other in ranges if one is not other)


@pytest.mark.requirement("PA-R10", "PA-C19")
def test_dev_has_no_nat_gateway_and_production_one_a_zone() -> None:
    assert not DEV.all("aws_nat_gateway")
    assert not DEV.all("aws_eip")
    assert {item["vpc_endpoint_type"] for item in DEV.all("aws_vpc_endpoint").values()} == {"Gateway"}
    assert len(PROD.all("aws_nat_gateway")) == len(PROD.all("aws_eip")) == 2


@STAGES
@pytest.mark.requirement("PA-R11")
def test_anybody_reaches_the_load_balancer_on_80_and_443_and_it_reaches_both_services(stage: Defined) -> None:
    assert stage.ingress("front") == {("0.0.0.0/0", 80), ("0.0.0.0/0", 443)}
    out = {
        (rule["referenced_security_group_id"], rule["from_port"])
        for rule in stage.all("aws_vpc_security_group_egress_rule").values()
        if rule["security_group_id"] == "${aws_security_group.front.id}"
    }
    assert out == {("${aws_security_group.backend.id}", 3001), ("${aws_security_group.frontend.id}", 3000)}


@STAGES
@pytest.mark.requirement("PA-R12", "PA-C20", "PA-C19")
def test_each_service_has_a_group_of_its_own_that_the_load_balancer_alone_enters(stage: Defined) -> None:
    for service, port in (("backend", 3001), ("frontend", 3000)):
        assert stage.ingress(service) == {("${aws_security_group.front.id}", port)}
        out = stage.all("aws_vpc_security_group_egress_rule")[f"{service}_out"]
        assert (out["cidr_ipv4"], out["ip_protocol"]) == ("0.0.0.0/0", "-1")


@STAGES
@pytest.mark.requirement("PA-R13", "PA-C01", "PA-S10")
def test_the_backend_alone_enters_the_database_which_opens_no_connection_itself(stage: Defined) -> None:
    assert stage.ingress("db") == {
        (f"${{aws_security_group.{part}.id}}", 5432) for part in ("backend", "migrate")}
    assert not [
        rule
        for rule in stage.all("aws_vpc_security_group_egress_rule").values()
        if rule["security_group_id"] == "${aws_security_group.db.id}"
    ]


@STAGES
@pytest.mark.requirement("PA-R31", "PA-C05")
def test_the_load_balancer_is_public_in_two_zones_and_protected_in_production(stage: Defined) -> None:
    balancer = stage.one("aws_lb")
    assert (balancer["load_balancer_type"], balancer["internal"]) == ("application", False)
    assert balancer["subnets"] == ["${aws_subnet.main_public_a.id}", "${aws_subnet.main_public_b.id}"]
    assert balancer["enable_deletion_protection"] is (stage is PROD)


@STAGES
@pytest.mark.parametrize(
    ("service", "port", "path"),
    [
        pytest.param("backend", 3001, "/api/health", marks=pytest.mark.requirement("PA-R32", "PA-S05")),
        pytest.param("frontend", 3000, "/healthz", marks=pytest.mark.requirement("PA-R33", "PA-C30", "PA-S05")),
    ],
)
def test_targets_are_checked_every_30_seconds(stage: Defined, service: str, port: int, path: str) -> None:
    group = stage.all("aws_lb_target_group")[f"front_{service}"]
    assert (group["port"], group["protocol"], group["target_type"]) == (port, "HTTP", "ip")
    (check,) = group["health_check"]
    assert (check["path"], check["matcher"]) == (path, "200")
    assert [check[name] for name in ("interval", "timeout", "healthy_threshold", "unhealthy_threshold")] == [30, 5, 2, 2]


@STAGES
@pytest.mark.requirement("PA-R34", "PA-C23")
def test_port_80_redirects_to_tls_and_www_straight_to_the_apex(stage: Defined) -> None:
    listener = stage.one("aws_lb_listener", port=80)
    assert listener["default_action"] == [
        {"type": "redirect", "redirect": [{"port": "443", "protocol": "HTTPS", "status_code": "HTTP_301"}]}
    ]
    (rule,) = [
        item
        for item in stage.all("aws_lb_listener_rule").values()
        if item["listener_arn"] == "${aws_lb_listener.front_http.arn}"
    ]
    assert rule["condition"] == [{"host_header": [{"values": [f"www.{DOMAINS[stage]}"]}]}]
    assert rule["action"][0]["redirect"] == [
        {"host": DOMAINS[stage], "port": "443", "protocol": "HTTPS", "status_code": "HTTP_301"}
    ]


@STAGES
@pytest.mark.requirement("PA-R35", "PA-C22", "PA-C24")
def test_tls_has_the_newest_policy_and_an_unknown_host_gets_404(stage: Defined) -> None:
    listener = stage.one("aws_lb_listener", port=443)
    assert (listener["protocol"], listener["ssl_policy"]) == ("HTTPS", "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09")
    assert listener["certificate_arn"] == "${aws_acm_certificate_validation.certificate.certificate_arn}"
    (action,) = listener["default_action"]
    assert (action["type"], action["fixed_response"][0]["status_code"]) == ("fixed-response", "404")


@STAGES
@pytest.mark.requirement("PA-R36", "PA-C22")
def test_rules_are_www_then_api_then_everything_else(stage: Defined) -> None:
    rules = sorted(
        (item["priority"], item)
        for item in stage.all("aws_lb_listener_rule").values()
        if item["listener_arn"] == "${aws_lb_listener.front_https.arn}"
    )
    assert [priority for priority, _ in rules] == [50, 100, 200]
    (_, www), (_, api), (_, rest) = rules
    domain = DOMAINS[stage]
    assert www["condition"] == [{"host_header": [{"values": [f"www.{domain}"]}]}]
    assert www["action"][0]["redirect"][0]["host"] == domain
    for rule, path, service in ((api, "/api/*", "backend"), (rest, "/*", "frontend")):
        assert rule["condition"] == [{"path_pattern": [{"values": [path]}]}, {"host_header": [{"values": [domain]}]}]
        assert rule["action"] == [{"type": "forward", "target_group_arn": f"${{aws_lb_target_group.front_{service}.arn}}"}]


@STAGES
@pytest.mark.requirement("PA-R37")
def test_the_zone_is_made_and_its_name_servers_are_shown(stage: Defined) -> None:
    assert stage.one("aws_route53_zone")["name"] == DOMAINS[stage]
    assert stage.outputs["route53_nameservers"] == "${aws_route53_zone.zone.name_servers}"
    given = Defined(graph(stage.graph.stage, hosted_zone_id="Z123"))
    assert not given.all("aws_route53_zone")


@STAGES
@pytest.mark.requirement("PA-R38")
def test_apex_and_www_point_at_the_load_balancer(stage: Defined) -> None:
    records = {item["name"]: item for item in stage.all("aws_route53_record").values() if item["type"] == "A"}
    assert set(records) == {DOMAINS[stage], f"www.{DOMAINS[stage]}"}
    for record in records.values():
        assert (record["alias"][0]["name"], record["alias"][0]["zone_id"]) == (
            "${aws_lb.front.dns_name}",
            "${aws_lb.front.zone_id}",
        )


@STAGES
@pytest.mark.requirement("PA-R39", "PA-C21")
def test_the_certificate_covers_apex_and_www_and_validates_through_the_zone(stage: Defined) -> None:
    certificate, domain = stage.one("aws_acm_certificate"), DOMAINS[stage]
    assert (certificate["domain_name"], certificate["validation_method"]) == (domain, "DNS")
    assert certificate["subject_alternative_names"] == [f"www.{domain}"]
    records = [name for name in stage.all("aws_route53_record") if "validation" in name]
    assert len(records) == 2
    assert stage.one("aws_acm_certificate_validation")["validation_record_fqdns"] == [
        f"${{aws_route53_record.{name}.fqdn}}" for name in records
    ]
    wide = Defined(graph(stage.graph.stage, wildcard_certificate=True)).one("aws_acm_certificate")
    assert wide["subject_alternative_names"] == [f"www.{domain}", f"*.{domain}"]


@pytest.mark.requirement("PA-R45", "PA-R46")
def test_a_cdn_and_a_bucket_of_assets_come_only_when_a_setting_says_so() -> None:
    assert not DEV.all("aws_cloudfront_distribution")
    assert not DEV.all("aws_s3_bucket")
    on = Defined(graph("dev", cdn=True))
    assert on.one("aws_cloudfront_distribution")["aliases"] == ["parrot.example", "www.parrot.example"]
    assert len(on.all("aws_s3_bucket")) == 1
    record = on.all("aws_route53_record")["zone_alias_apex"]
    assert record["alias"][0]["name"] == "${aws_cloudfront_distribution.edge.domain_name}"


@pytest.mark.requirement("PA-R47")
def test_flow_logs_come_only_when_a_setting_says_so() -> None:
    assert not DEV.all("aws_flow_log")
    assert Defined(graph("dev", flow_logs=True)).one("aws_flow_log")["traffic_type"] == "ALL"
