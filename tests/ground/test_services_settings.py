"""What a service is started with, read from the resources that are deployed."""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.ground.resolved import ResolvedGraph, ResolvedResource
from groundsill.ground.services.dockerfile import copied_paths
from groundsill.ground.services.environment import launch, takes_any_port
from groundsill.ground.services.lines import Lines
from groundsill.ground.services.settings import ServiceRefused, ServiceSettings, settings_from
from groundsill.ground.services.throttle import RestartThrottle, Timing
from groundsill.ground.services.watching import counts

ROLE = "arn:aws:iam::000000000000:role/api"
CONTAINER: dict[str, Any] = {
    "name": "api", "image": "api@sha256:1", "command": ["python", "-m", "api"], "essential": True,
    "environment": [{"name": "PORT", "value": "8080"}, {"name": "DEBUG", "value": False}],
    "portMappings": [{"containerPort": 8080}], "stopTimeout": 60, "linuxParameters": {"initProcessEnabled": True},
    "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-stream-prefix": "api-log"}},
}


def _graph(*containers: dict[str, Any], as_text: bool = True, **service: Any) -> ResolvedGraph:
    arn = "arn:aws:ecs:eu-west-1:000000000000:task-definition/api"
    task = ResolvedResource(
        "aws_ecs_task_definition.api", "aws_ecs_task_definition", "api",
        {"family": "api", "cpu": "1024", "memory": "2 GB", "task_role_arn": ROLE,
         "container_definitions": json.dumps(containers) if as_text else list(containers)},
        {"arn": f"{arn}:1", "arn_without_revision": arn, "revision": 1},
    )
    return ResolvedGraph([task, ResolvedResource(
        "aws_ecs_service.api", "aws_ecs_service", "api",
        {"name": "api-service", "task_definition": f"{arn}:1", "desired_count": 2, **service}, {}, "energy-api",
    )])


def _read(graph: ResolvedGraph, **more: Any) -> list[ServiceSettings]:
    given_arguments: dict[str, Any] = {
        "directory_of": lambda component: Path("/system") / component, "interpreter": Path(sys.executable),
        "credentials": lambda role: {"AWS_ACCESS_KEY_ID": f"key of {role}"}, **more,
    }
    return settings_from(graph, **given_arguments)


@pytest.mark.parametrize("as_text", [True, False])
def test_settings_are_those_of_the_deployed_resources(as_text: bool) -> None:
    [found] = _read(_graph(
        CONTAINER, as_text=as_text, health_check_grace_period_seconds=120, deployment_minimum_healthy_percent=50,
        load_balancer=[{"target_group_arn": "arn:group", "container_name": "api", "container_port": 8080}],
        deployment_circuit_breaker=[{"enable": True, "rollback": True}],
    ))
    assert (found.component, found.service_name, found.container_name) == ("energy-api", "api-service", "api")
    assert found.directory == Path("/system/energy-api") and found.watch == (found.directory,)
    assert found.environment == {"AWS_ACCESS_KEY_ID": f"key of {ROLE}", "PORT": "8080", "DEBUG": "false"}
    assert (found.container_port, found.desired_count, found.stop_timeout) == (8080, 2, 60)
    assert (found.cpu_units, found.memory_megabytes) == (1024, 2048)
    assert found.target_group_arns == ("arn:group",) and found.health_check_grace_seconds == 120
    assert (found.minimum_healthy_percent, found.maximum_percent) == (50, 200)
    assert found.circuit_breaker and found.rollback
    assert (found.region, found.log_prefix) == ("eu-west-1", "api-log")
    assert not found.cautions


def test_what_is_not_declared_is_what_ecs_makes_of_it() -> None:
    [found] = _read(_graph({"name": "worker", "command": ["work"]}, desired_count=None))
    assert (found.container_port, found.desired_count, found.stop_timeout) == (None, 0, 30)
    assert not found.circuit_breaker and not found.rollback


def test_what_does_not_run_of_a_task_is_said() -> None:
    sidecar = {"name": "collector", "image": "otel", "essential": False}
    [found] = _read(_graph(sidecar, {**CONTAINER, "healthCheck": {"command": ["CMD", "true"]}}))
    assert found.container_name == "api"
    assert found.cautions == (
        "container 'collector' of the same task does not run here",
        "its container health check is not run here; the load balancer's is",
    )


@pytest.mark.parametrize(("container", "why"), [
    ({"name": "api", "image": "nginx"}, "no `command`"),
    ({**CONTAINER, "secrets": [{"name": "KEY", "valueFrom": "arn:secret"}]}, "its variable KEY is the secret arn:secret"),
])
def test_a_service_that_cannot_run_is_refused_with_its_reason(container: dict[str, Any], why: str) -> None:
    with pytest.raises(ServiceRefused, match=why):
        _read(_graph(container))
    refusals: list[tuple[str, str]] = []
    assert _read(_graph(container), refused=lambda address, reason: refusals.append((address, reason))) == []
    assert refusals[0][0] == "aws_ecs_service.api" and why in refusals[0][1]


def test_an_image_of_others_and_an_unknown_task_definition_are_refused() -> None:
    with pytest.raises(ServiceRefused, match="its image is not built from files of this system"):
        _read(_graph(CONTAINER), directory_of={}.__getitem__)
    with pytest.raises(ServiceRefused, match="its task definition 'other' is not a resource of this system"):
        _read(_graph(CONTAINER, task_definition="other"))
    with pytest.raises(ServiceRefused, match="are not JSON"):
        broken = _graph(CONTAINER)
        task = broken["aws_ecs_task_definition.api"]
        _read(ResolvedGraph([ResolvedResource(task.address, task.type, task.name,
                                              {**task.arguments, "container_definitions": "[{"}, task.attributes),
                             broken["aws_ecs_service.api"]]))


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(st.sampled_from(list(CONTAINER)) | st.text(max_size=5), inner, max_size=4))


NEARLY_RIGHT = st.fixed_dictionaries({"name": st.just("api"), "command": st.just(["x"])}, optional=dict.fromkeys(
    ("environment", "portMappings", "stopTimeout", "logConfiguration", "memory", "secrets"), JSON))


@given(JSON | st.lists(NEARLY_RIGHT, max_size=2))
def test_no_container_definition_breaks_the_others(definitions: Any) -> None:
    graph = _graph(CONTAINER)
    task = graph["aws_ecs_task_definition.api"]
    broken = ResolvedResource(task.address, task.type, task.name,
                              {**task.arguments, "container_definitions": json.dumps(definitions)}, task.attributes)
    refusals: list[str] = []
    found = _read(ResolvedGraph([broken, graph["aws_ecs_service.api"]]),
                  refused=lambda address, reason: refusals.append(reason))
    assert len(found) + len(refusals) == 1


def test_a_secret_is_given_where_its_value_is_known() -> None:
    [found] = _read(_graph({**CONTAINER, "secrets": [{"name": "KEY", "valueFrom": "arn:secret"}]}),
                    secret_of=lambda arn: f"value of {arn}")
    assert found.environment["KEY"] == "value of arn:secret"


def _service(command: tuple[str, ...], **environment: str) -> ServiceSettings:
    return ServiceSettings("api", "api", "api", command, Path("."), Path(sys.executable), environment, 8080)


def test_only_the_containers_own_port_is_replaced() -> None:
    told = launch(_service(("python", "serve.py", "8080"), PORT="8080", OTHER_PORT="8080"), 41000)
    assert told.environment["PORT"] == "41000" and told.environment["OTHER_PORT"] == "8080"
    assert told.command == (os.path.abspath(sys.executable), "serve.py", "8080")
    told = launch(_service(("gunicorn", "-b", "0.0.0.0:8080", "--port=8080", "18080")), 41000)
    assert told.command == ("gunicorn", "-b", "0.0.0.0:41000", "--port=41000", "18080")
    assert takes_any_port(_service(("x",), PORT="8080")) and takes_any_port(_service(("x", "8080")))
    assert not takes_any_port(_service(("x", "80800"), PORT="80"))


def test_programs_of_the_workloads_own_environment_come_first() -> None:
    path = launch(_service(("uvicorn",)), None).environment["PATH"]
    assert path.split(os.pathsep)[0] == str(Path(sys.executable).parent)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)), st.integers(4, 40))
def test_no_byte_of_a_log_is_lost_or_repeated(data: bytes, cuts: list[int], longest: int) -> None:
    lines = Lines(longest)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = [line for start, end in itertools.pairwise(edges) for line in lines.feed(data[start:end])]
    found += lines.end()
    assert "" not in found
    kept = data.replace(b"\n", b"").replace(b"\r", b"")
    if kept.decode("utf-8", "ignore").encode() == kept:
        assert "".join(found).replace("\r", "").encode() == kept
        assert all(len(line.encode()) <= longest for line in found)


@given(st.text(max_size=100).filter(lambda text: "\r" not in text))
def test_text_is_logged_as_it_was_written(text: str) -> None:
    lines = Lines()
    assert lines.feed(text.encode()) + lines.end() == [line for line in text.split("\n") if line]


def test_restarts_wait_longer_and_longer_until_one_has_lasted() -> None:
    throttle = RestartThrottle(Timing())
    assert [throttle.failed(0.0, 0.1) for _ in range(9)] == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert throttle.wait(50.0) == 10.0
    assert throttle.failed(100.0, 61.0) == 0
    throttle.failed(100.0, 0.0)
    throttle.reset()
    assert throttle.wait(100.0) == 0


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 200))))
def test_a_restart_never_waits_longer_than_the_longest_time(failures: list[tuple[float, float]]) -> None:
    throttle, now = RestartThrottle(Timing()), 0.0
    for passed, lived in failures:
        now += passed
        throttle.failed(now, lived)
        assert 0 <= throttle.wait(now) <= Timing().restart_longest + 1e-6


def test_a_service_follows_the_files_that_its_image_is_made_of(tmp_path: Path) -> None:
    for name in ("services/energy/api.py", "shared/rules.py", "functions/save.py", "setup.cfg", "a b.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    dockerfile = tmp_path / "services" / "Dockerfile"
    dockerfile.write_text(
        "FROM python:3.13-slim AS base\nCOPY --chown=10001:10001 services/ \\\n  shared/ /app/\nADD *.cfg .\n"
        'COPY ["a b.txt", "./"]\nCOPY --from=base /bin/sh /bin/\nADD https://example.com/file .\nCOPY ../outside .\n'
        "COPY missing .\n"
    )
    assert copied_paths(dockerfile, tmp_path) == tuple(
        tmp_path.resolve() / name for name in ("services", "shared", "setup.cfg", "a b.txt", "services/Dockerfile"))
    assert copied_paths(tmp_path / "none", tmp_path) == (tmp_path,)


def test_files_that_programs_leave_are_not_changes() -> None:
    root = Path("/system")
    assert counts(root / "services" / "api.py", [root])
    assert counts(root / "Dockerfile", [root / "Dockerfile"])
    for name in (".git/HEAD", ".venv/lib/x.py", "a/__pycache__/x.pyc", ".groundsill/dev/log", "x.py~", "data.sqlite-wal"):
        assert not counts(root / name, [root]), name
    assert not counts(Path("/elsewhere/api.py"), [root])
    # Only folders below the watched one matter: a system may itself lie in a folder named `build`.
    assert counts(Path("/build/system/api.py"), [Path("/build/system")])
