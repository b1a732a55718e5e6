"""Machines, load balancers, names and scaling: what is special to them."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from groundsill import Stage
from groundsill import components as c
from groundsill.components.machines import architecture_of
from tests.component_support import arguments, build, examine, plain


def front(stage: Stage, **route: Any) -> c.LoadBalancer:
    network = c.Network("main")
    zone = c.Zone("zone", "shop.example")
    certificate = c.Certificate("certificate", "shop.example", also=["www.shop.example"], zone=zone)
    balancer = c.LoadBalancer("front", network.public, certificate=certificate)
    cluster, image = c.Cluster("cluster"), c.Container("image", command=("python", "-m", "app"))
    web = c.Service("web", image, network.private, cluster=cluster, port=8080)
    balancer.redirect("www.shop.example", "shop.example", priority=50)
    balancer.route("/*", web, host="shop.example", **{"priority": 200, **route})
    zone.point("", balancer)
    return balancer


def test_www_is_sent_to_the_apex_in_one_step_from_both_ports() -> None:
    graph = build(front)
    redirects = [
        item for item in map(arguments, graph.of_type("aws_lb_listener_rule")) if item["action"][0]["type"] == "redirect"
    ]
    assert {item["listener_arn"] for item in redirects} == {
        "${aws_lb_listener.front_http.arn}",
        "${aws_lb_listener.front_https.arn}",
    }
    assert {item["action"][0]["redirect"][0]["protocol"] for item in redirects} == {"HTTPS"}


def test_two_rules_cannot_have_one_place() -> None:
    _, diagnostics = examine(lambda stage: front(stage, priority=50))
    assert [item.code for item in diagnostics] == ["GS1386"]


def test_a_client_may_stick_to_a_target_for_a_week_at_most() -> None:
    graph = build(lambda stage: front(stage, sticky="7d"))
    (group,) = graph.of_type("aws_lb_target_group")
    assert arguments(group)["stickiness"][0]["cookie_duration"] == 604_800
    _, diagnostics = examine(lambda stage: front(stage, sticky="8d"))
    assert [item.code for item in diagnostics] == ["GS1385"]


def test_a_certificate_waits_for_a_record_of_every_name_and_refuses_names_of_others() -> None:
    graph = build(front)
    validation = arguments(graph["aws_acm_certificate_validation.certificate"])
    assert len(validation["validation_record_fqdns"]) == 2
    _, diagnostics = examine(lambda stage: c.Certificate("c", "other.example", zone=c.Zone("zone", "shop.example")))
    assert [item.code for item in diagnostics] == ["GS1421"]


def test_the_rest_of_a_definition_is_read_after_a_mistake_in_a_scale() -> None:
    def define(stage: Stage) -> None:
        network, cluster = c.Network("main"), c.Cluster("cluster")
        image = c.Container("image", command=("python",))
        for name, scale in {
            "a": c.Scale(max=2),
            "b": c.Scale(min=3, max=2, cpu=50),
            "d": c.Scale(max=2, cpu=99),
            "e": c.Scale(max=2, requests=100),
        }.items():
            c.Service(name, image, network.private, cluster=cluster, scale=scale)

    _, diagnostics = examine(define)
    assert sorted(item.code for item in diagnostics) == ["GS1377", "GS1378", "GS1379", "GS1388"]


def test_a_spot_service_has_its_clusters_spare_capacity() -> None:
    def define(stage: Stage) -> None:
        network, cluster = c.Network("main"), c.Cluster("cluster")
        image = c.Container("image", command=("python",), keep=5, keep_releases=20)
        for name in ("a", "b"):
            c.Service(name, image, network.private, cluster=cluster, spot=True)

    graph = build(define)
    service = arguments(graph["aws_ecs_service.a"])
    assert "launch_type" not in {key for key, value in service.items() if value is not None}
    assert service["capacity_provider_strategy"][0]["capacity_provider"] == "FARGATE_SPOT"
    assert len(graph.of_type("aws_ecs_cluster_capacity_providers")) == 1
    rules = arguments(graph["aws_ecr_lifecycle_policy.image"])["policy"]["rules"]
    assert [rule["rulePriority"] for rule in rules] == [1, 2]


@pytest.mark.parametrize(
    ("type", "architecture"),
    [
        ("t4g.micro", "arm64"),
        ("m7gd.large", "arm64"),
        ("g5g.xlarge", "arm64"),
        ("a1.medium", "arm64"),
        ("im4gn.large", "arm64"),
        ("g5.xlarge", "x86_64"),
        ("t3.medium", "x86_64"),
        ("m6i.large", "x86_64"),
        ("p4de.24xlarge", "x86_64"),
        ("u-6tb1.metal", "x86_64"),
    ],
)
def test_the_image_has_the_architecture_of_the_instance_type(type: str, architecture: str) -> None:
    assert architecture_of(type) == architecture


def machine(stage: Stage, **options: Any) -> None:
    given: dict[str, Any] = {
        "type": "t4g.micro",
        "command": ("python", "-m", "app"),
        "packages": ["app==1.0"],
        "port": 8000,
    }
    c.Machine("host", c.Network("main").private, **{**given, **options})


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"command": ()}, "GS1460"),
        ({"packages": []}, "GS1461"),
        ({"port": 80}, "GS1462"),
        ({"type": "micro"}, "GS1470"),
        ({"pinned_image": "latest"}, "GS1465"),
        ({"volumes": [c.Volume("data", 5)]}, "GS1464"),
    ],
)
def test_a_machine_that_cannot_be_is_refused(options: dict[str, Any], code: str) -> None:
    _, diagnostics = examine(lambda stage: machine(stage, **options))
    assert [item.code for item in diagnostics] == [code]


def test_a_machine_has_no_key_pair_no_public_address_and_answers_only_to_tokens() -> None:
    host = arguments(build(machine, "prod")["aws_instance.host"])
    assert "key_name" not in host
    assert host["associate_public_ip_address"] is False
    assert host["metadata_options"][0]["http_tokens"] == "required"
    assert host["disable_api_termination"] is True


def test_a_group_mixes_no_architectures() -> None:
    def define(stage: Stage) -> None:
        c.MachineGroup("web", c.Network("main").private, types=["t4g.micro", "t3.micro"], command=("x",), packages=["x"])

    _, diagnostics = examine(define)
    assert [item.code for item in diagnostics] == ["GS1468"]


def test_an_address_that_changes_replaces_no_machine() -> None:
    """The boot script is the same text whatever the machine uses: it reads a parameter."""

    def define(stage: Stage, used: bool) -> None:
        network = c.Network("main")
        other = c.Machine("other", network.private, type="t4g.micro", port=8000, command=("x",), packages=["x"])
        c.MachineGroup(
            "web", network.private, types=["t4g.micro"], command=("x",), packages=["x"], uses=[other.reach] if used else []
        )

    alone, graph = build(lambda stage: define(stage, False)), build(lambda stage: define(stage, True))
    template = "aws_launch_template.web"
    assert alone[template].arguments["user_data"] == graph[template].arguments["user_data"]
    told = plain(graph["aws_ssm_parameter.web_boot"].arguments["value"])
    assert told["environment"]["OTHER_URL"] == "http://${aws_instance.other.private_dns}:8000"


def test_the_environment_of_a_machine_is_written_for_root_alone(tmp_path: Path) -> None:
    """The script that writes it is run, with a stand-in for the `aws` command."""

    def define(stage: Stage) -> None:
        c.MachineGroup("web", c.Network("main").private, types=["t4g.micro"], command=("x",), packages=["x"])

    script = base64.b64decode(build(define)["aws_launch_template.web"].arguments["user_data"]).decode()
    writer = script.split("<<'END'\n#!/usr/bin/env python3\n", 1)[1].split("END\n", 1)[0]
    (tmp_path / "web").mkdir()
    (tmp_path / "aws").write_text(
        '#!/bin/sh\ncase "$*" in\n'
        '*ssm*) echo \'{"environment": {"A": "one \\"two\\""}, "secrets": {"KEY": "arn:aws:x:key::"}}\';;\n'
        '*"--secret-id arn:aws:x "*) echo \'{"key": "hidden"}\';;\n*) exit 1;;\nesac\n'
    )
    (tmp_path / "aws").chmod(0o755)
    (tmp_path / "writer.py").write_text(writer.replace("/run/", f"{tmp_path}/"))
    subprocess.run(
        ["python3", str(tmp_path / "writer.py")], check=True, timeout=20, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}
    )
    written = tmp_path / "web" / "environment"
    assert written.read_text() == 'A="one \\"two\\""\nKEY="hidden"\n'
    assert written.stat().st_mode & 0o077 == 0
