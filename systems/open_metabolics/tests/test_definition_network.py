"""The definition against the requirement rows: the network, the load balancer and the containers."""

from __future__ import annotations

import ipaddress

import pytest
from om_support.defined import graph

from groundsill.graph import ContainerImage
from groundsill.testing import Defined

DEV, PROD = Defined(graph("dev")), Defined(graph("prod"))
STAGES = pytest.mark.parametrize("stage", [DEV, PROD], ids=["dev", "prod"])
SUFFIX = {DEV: "", PROD: "-prod"}


@STAGES
@pytest.mark.requirement("OM-R27")
def test_both_services_run_in_one_cluster(stage: Defined) -> None:
    assert stage.one("aws_ecs_cluster")["name"] == "open-metabolics-cluster" + SUFFIX[stage]
    assert {service["cluster"] for service in stage.all("aws_ecs_service").values()} == {"${aws_ecs_cluster.cluster.id}"}


TABLE_VARIABLES = {
    "RAW_SENSOR_TABLE": "${aws_dynamodb_table.raw_sensor_data.name}",
    "RESULTS_TABLE": "${aws_dynamodb_table.energy_results.name}",
    "USER_PROFILES_TABLE": "${aws_dynamodb_table.user_profiles.name}",
    "STATUS_TABLE": "${aws_dynamodb_table.processing_status.name}",
    "QUEUE_URL": "${aws_sqs_queue.energy_jobs.url}",
}


@STAGES
@pytest.mark.requirement("OM-R28", "OM-C18", "OM-C19", "OM-C28")
def test_a_task_of_the_api_has_one_cpu_and_2_gb_and_listens_on_8080(stage: Defined) -> None:
    task = stage.all("aws_ecs_task_definition")["energy_api"]
    assert (task["requires_compatibilities"], task["network_mode"]) == (["FARGATE"], "awsvpc")
    assert (task["cpu"], task["memory"]) == ("1024", "2048")
    (container,) = task["container_definitions"]
    assert container["image"] == "${var.energy_image}"
    assert [mapping["containerPort"] for mapping in container["portMappings"]] == [8080]
    assert container["logConfiguration"]["options"]["awslogs-group"] == "${aws_cloudwatch_log_group.energy_api.name}"
    pool = "https://${aws_cognito_user_pool.users.endpoint}"
    assert stage.environment("energy_api") == {
        **TABLE_VARIABLES,
        "SERVICE_TYPE": "api", "PORT": "8080", "USER_POOL_ISSUER": pool, "USER_POOL_JWKS_URL": f"{pool}/.well-known/jwks.json",
        "USER_POOL_CLIENT_ID": "${aws_cognito_user_pool_client.users_app.id}",
    }


@STAGES
@pytest.mark.requirement("OM-R29", "OM-C08")
def test_the_api_service_runs_one_task_in_private_subnets_behind_the_load_balancer(stage: Defined) -> None:
    service = stage.all("aws_ecs_service")["energy_api"]
    assert service["name"] == "open-metabolics-energy-expenditure-service" + SUFFIX[stage]
    assert (service["launch_type"], service["desired_count"]) == ("FARGATE", 1)
    (network,) = service["network_configuration"]
    assert network["subnets"] == ["${aws_subnet.main_private_a.id}", "${aws_subnet.main_private_b.id}"]
    assert network["assign_public_ip"] is False
    assert service["load_balancer"] == [{
        "target_group_arn": "${aws_lb_target_group.front_energy_api.arn}", "container_name": "energy-api",
        "container_port": 8080}]


@STAGES
@pytest.mark.requirement("OM-R30", "OM-C19")
def test_a_task_of_the_worker_has_a_quarter_cpu_and_512_mb_of_the_same_image(stage: Defined) -> None:
    task = stage.all("aws_ecs_task_definition")["energy_worker"]
    assert (task["cpu"], task["memory"], task["requires_compatibilities"]) == ("256", "512", ["FARGATE"])
    api, worker = (stage.all("aws_ecs_task_definition")[name]["container_definitions"][0]
                   for name in ("energy_api", "energy_worker"))
    assert (api["image"], api["command"]) == (worker["image"], worker["command"])
    assert worker["portMappings"] == []
    assert stage.environment("energy_worker") == {**TABLE_VARIABLES, "SERVICE_TYPE": "worker"}


@pytest.mark.requirement("OM-C13")
def test_the_sizes_that_look_swapped_can_be_swapped_by_a_setting() -> None:
    stage = Defined(graph("dev", task_sizes="suggested"))
    sizes = {name: (task["cpu"], task["memory"]) for name, task in stage.all("aws_ecs_task_definition").items()}
    assert sizes == {"energy_api": ("256", "512"), "energy_worker": ("1024", "2048")}


@STAGES
@pytest.mark.requirement("OM-R31", "OM-S05")
def test_the_worker_runs_one_task_that_nothing_outside_can_reach(stage: Defined) -> None:
    service = stage.all("aws_ecs_service")["energy_worker"]
    assert service["name"] == "energy-expenditure-worker" + SUFFIX[stage]
    assert service["desired_count"] == 1
    (network,) = service["network_configuration"]
    assert network["subnets"] == ["${aws_subnet.main_private_a.id}", "${aws_subnet.main_private_b.id}"]
    assert network["assign_public_ip"] is False
    assert stage.ingress("energy_worker") == set()
    assert "load_balancer" not in service


@STAGES
@pytest.mark.requirement("OM-R32", "OM-R33", "OM-C19", "OM-S10")
def test_the_repository_keeps_the_newest_30_images_and_no_tag_ever_moves(stage: Defined) -> None:
    repository = stage.one("aws_ecr_repository")
    assert repository["name"] == "open-metabolics-energy-expenditure-service" + SUFFIX[stage]
    assert repository["image_tag_mutability"] == "IMMUTABLE"
    policy = stage.one("aws_ecr_lifecycle_policy")
    assert policy["repository"] == "${aws_ecr_repository.energy.name}"
    (rule,) = policy["policy"]["rules"]
    assert rule["selection"] == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 30}
    assert rule["action"] == {"type": "expire"}


@STAGES
@pytest.mark.requirement("OM-R34", "OM-C18")
def test_the_image_is_built_apart_from_terraform_and_comes_in_by_its_digest(stage: Defined) -> None:
    (image,) = [item for item in stage.graph.artifacts if isinstance(item, ContainerImage)]
    assert (image.name, image.variable, image.platform) == ("energy", "energy_image", "linux/arm64")
    assert image.repository == "aws_ecr_repository.energy"
    assert (image.context / image.dockerfile).is_file()
    assert list(stage.graph.variables) == ["energy_image"]
    assert not [resource for resource in stage.graph if resource.type in ("null_resource", "terraform_data")]


@STAGES
@pytest.mark.requirement("OM-R37", "OM-R38", "OM-R39")
def test_the_network_has_two_public_and_two_private_subnets_over_two_zones(stage: Defined) -> None:
    vpc = stage.one("aws_vpc")
    assert (vpc["cidr_block"], vpc["enable_dns_hostnames"], vpc["enable_dns_support"]) == ("10.0.0.0/16", True, True)
    subnets = {name: (item["cidr_block"], item["availability_zone"]) for name, item in stage.all("aws_subnet").items()}
    assert subnets == {
        "main_public_a": ("10.0.1.0/24", "us-east-1a"), "main_public_b": ("10.0.4.0/24", "us-east-1b"),
        "main_private_a": ("10.0.2.0/24", "us-east-1a"), "main_private_b": ("10.0.3.0/24", "us-east-1b"),
    }
    ranges = [ipaddress.ip_network(cidr) for cidr, _ in subnets.values()]
    assert not any(one.overlaps(other) for one in ranges for other in ranges if one is not other)


def ways_out(stage: Defined, kind: str) -> list[str]:
    """Where the default route of each subnet of a kind leads, in zone order."""
    tables = {item["subnet_id"]: item["route_table_id"] for item in stage.all("aws_route_table_association").values()}
    routes = {item["route_table_id"]: item.get("gateway_id") or item["nat_gateway_id"]
              for item in stage.all("aws_route").values() if item["destination_cidr_block"] == "0.0.0.0/0"}
    return [routes[tables[f"${{aws_subnet.main_{kind}_{letter}.id}}"]] for letter in "ab"]


@STAGES
@pytest.mark.requirement("OM-R40", "OM-R42")
def test_public_subnets_lead_to_the_internet(stage: Defined) -> None:
    assert stage.one("aws_internet_gateway")["vpc_id"] == "${aws_vpc.main.id}"
    assert ways_out(stage, "public") == ["${aws_internet_gateway.main.id}"] * 2
    assert len(stage.all("aws_route_table_association")) == 4


@pytest.mark.requirement("OM-R41", "OM-R42", "OM-C09")
def test_private_subnets_lead_out_through_one_gateway_in_dev_and_one_a_zone_in_production() -> None:
    assert ways_out(DEV, "private") == ["${aws_nat_gateway.main_a.id}"] * 2
    assert ways_out(PROD, "private") == ["${aws_nat_gateway.main_a.id}", "${aws_nat_gateway.main_b.id}"]
    for stage, count in ((DEV, 1), (PROD, 2)):
        gateways = stage.all("aws_nat_gateway")
        assert len(gateways) == len(stage.all("aws_eip")) == count
        for name, gateway in gateways.items():
            zone = name[-1]
            assert gateway["subnet_id"] == f"${{aws_subnet.main_public_{zone}.id}}"
            assert gateway["allocation_id"] == f"${{aws_eip.main_nat_{zone}.id}}"


@pytest.mark.requirement("OM-R43", "OM-S05", "OM-C07")
def test_the_load_balancer_is_open_to_the_internet_only_where_it_has_a_certificate() -> None:
    link = "${aws_security_group.api_link_main.id}"
    assert DEV.ingress("front") == {(link, 80)}
    assert PROD.ingress("front") == {("0.0.0.0/0", 80), ("0.0.0.0/0", 443), (link, 443)}
    for stage in (DEV, PROD):
        (out,) = [rule for rule in stage.all("aws_vpc_security_group_egress_rule").values()
                  if rule["security_group_id"] == "${aws_security_group.front.id}"]
        assert (out["referenced_security_group_id"], out["from_port"]) == ("${aws_security_group.energy_api.id}", 8080)


@STAGES
@pytest.mark.requirement("OM-R44", "OM-S05")
def test_tasks_of_the_api_take_requests_from_the_load_balancer_alone(stage: Defined) -> None:
    assert stage.ingress("energy_api") == {("${aws_security_group.front.id}", 8080)}
    for service in ("energy_api", "energy_worker"):
        out = stage.all("aws_vpc_security_group_egress_rule")[f"{service}_out"]
        assert (out["cidr_ipv4"], out["ip_protocol"]) == ("0.0.0.0/0", "-1")


@pytest.mark.requirement("OM-R45", "OM-C07", "OM-S04")
def test_the_load_balancer_is_public_with_a_domain_and_internal_without() -> None:
    dev, prod = DEV.one("aws_lb"), PROD.one("aws_lb")
    assert (dev["name"], prod["name"]) == ("open-metabolics-ee-lb", "open-metabolics-ee-lb-prod")
    assert dev["load_balancer_type"] == prod["load_balancer_type"] == "application"
    assert (dev["internal"], prod["internal"]) == (True, False)
    assert dev["subnets"] == ["${aws_subnet.main_private_a.id}", "${aws_subnet.main_private_b.id}"]
    assert prod["subnets"] == ["${aws_subnet.main_public_a.id}", "${aws_subnet.main_public_b.id}"]
    assert (dev["enable_deletion_protection"], prod["enable_deletion_protection"]) == (False, True)


@pytest.mark.requirement("OM-R46", "OM-C20", "OM-C28", "OM-S09")
def test_targets_are_checked_slowly_in_dev_and_quickly_in_production() -> None:
    for stage, numbers in ((DEV, (60, 30, 2, 10)), (PROD, (15, 5, 2, 3))):
        group = stage.one("aws_lb_target_group")
        assert group["name"] == "open-metabolics-ee-tg" + SUFFIX[stage]
        assert (group["target_type"], group["protocol"], group["port"]) == ("ip", "HTTP", 8080)
        (check,) = group["health_check"]
        assert (check["path"], check["protocol"], check["matcher"]) == ("/health", "HTTP", "200")
        assert tuple(check[key] for key in ("interval", "timeout", "healthy_threshold", "unhealthy_threshold")) == numbers


@pytest.mark.requirement("OM-R47", "OM-R48", "OM-C07", "OM-S04")
def test_without_a_domain_port_80_forwards_and_with_one_it_redirects_to_tls() -> None:
    forward = {"type": "forward", "target_group_arn": "${aws_lb_target_group.front_energy_api.arn}"}
    listener = DEV.one("aws_lb_listener")
    assert (listener["port"], listener["protocol"], listener["default_action"]) == (80, "HTTP", [forward])
    assert not DEV.all("aws_acm_certificate")
    http, https = PROD.one("aws_lb_listener", port=80), PROD.one("aws_lb_listener", port=443)
    assert http["default_action"] == [{
        "type": "redirect", "redirect": [{"port": "443", "protocol": "HTTPS", "status_code": "HTTP_301"}]}]
    assert (https["protocol"], https["default_action"]) == ("HTTPS", [forward])
    assert https["certificate_arn"] == "${aws_acm_certificate_validation.front.certificate_arn}"
    certificate = PROD.one("aws_acm_certificate")
    assert (certificate["domain_name"], certificate["validation_method"]) == ("energy.open-metabolics.example", "DNS")


@pytest.mark.requirement("OM-R48")
def test_with_a_hosted_zone_the_certificate_validates_itself_and_the_name_points_here() -> None:
    stage = Defined(graph("prod", hosted_zone_id="Z123"))
    https = stage.one("aws_lb_listener", port=443)
    assert https["certificate_arn"] == "${aws_acm_certificate_validation.front.certificate_arn}"
    alias = stage.one("aws_route53_record", type="A")
    assert alias["name"] == "energy.open-metabolics.example"
    assert alias["alias"][0]["name"] == "${aws_lb.front.dns_name}"


@STAGES
@pytest.mark.requirement("OM-C07", "OM-C03")
def test_the_energy_api_is_reached_through_the_http_api_with_a_token(stage: Defined) -> None:
    route = stage.one("aws_apigatewayv2_route", route_key="ANY /energy/{proxy+}")
    assert route["authorization_type"] == "JWT"
    integration = stage.all("aws_apigatewayv2_integration")["api_any_energy_proxy"]
    assert (integration["integration_type"], integration["connection_type"]) == ("HTTP_PROXY", "VPC_LINK")
    assert integration["connection_id"] == "${aws_apigatewayv2_vpc_link.api_main.id}"
    assert integration["integration_uri"] == f"${{aws_lb_listener.front_{'https' if stage is PROD else 'http'}.arn}}"
    assert integration["request_parameters"] == {"overwrite:path": "/$request.path.proxy"}
    link = stage.one("aws_apigatewayv2_vpc_link")
    assert link["subnet_ids"] == ["${aws_subnet.main_private_a.id}", "${aws_subnet.main_private_b.id}"]


@STAGES
@pytest.mark.requirement("OM-R53", "OM-R54", "OM-C22", "OM-S07")
def test_both_services_have_log_groups_that_forget_after_30_days(stage: Defined) -> None:
    groups = stage.all("aws_cloudwatch_log_group")
    assert (groups["energy_api"]["name"], groups["energy_worker"]["name"]) == (
        "/ecs/open-metabolics-energy-expenditure" + SUFFIX[stage], "/ecs/energy-expenditure-worker" + SUFFIX[stage])
    assert groups["energy_api"]["retention_in_days"] == groups["energy_worker"]["retention_in_days"] == 30
