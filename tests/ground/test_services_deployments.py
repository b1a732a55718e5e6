"""New versions of a service: started beside the old one, given up where they do not come up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from groundsill.ground.services.runner import ServiceRunner
from groundsill.ground.services.status import COMPLETED, RUNNING, STOPPED, ServiceNotSteady
from tests.ground.services_help import GROUP, QUICK, Place, text_of, until, web


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "app")


def _running(runner: ServiceRunner) -> set[str]:
    return {task.task_id for task in runner.status() if task.state == RUNNING}


def test_a_saved_file_replaces_every_task_without_a_moment_without_one(place: Place) -> None:
    place.write(web("one"))
    seen: list[str] = []

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)

        async def visit() -> None:
            while True:
                ports = place.targets.healthy_ports()
                assert ports, "nobody answers"
                seen.append(await asyncio.to_thread(text_of, ports[-1]))

        visiting = asyncio.ensure_future(visit())
        place.write(web("two"))
        await place.said("begins: changed: app.py")
        await runner.wait_steady(20)
        assert {text_of(port) for port in place.targets.healthy_ports()} == {"two"}
        assert len(_running(runner)) == 2
        assert not visiting.done() or visiting.exception() is None
        visiting.cancel()

    place.run(use, container_port=8080, desired_count=2, target_group_arns=(GROUP,), watch=(place.folder,))
    assert seen[0] == "one"
    # Each is taken out of the load balancer before it is stopped.
    assert sorted(entry.split()[1] for entry in place.targets.history if entry.startswith("deregister")) == sorted(
        entry.split()[1] for entry in place.targets.history if entry.startswith("register"))


def test_a_version_that_does_not_start_leaves_the_old_one_running(place: Place) -> None:
    place.write(web("good"))

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        old = _running(runner)
        place.write("import no_such_module")
        await place.said("deployment failed: tasks failed to start.")
        await place.said("deployment circuit breaker: tasks failed to start; rolled back")
        with pytest.raises(ServiceNotSteady, match="deployment failed"):
            await runner.wait_steady(20)
        assert _running(runner) == old and runner.deployment.state == COMPLETED
        assert [text_of(port) for port in place.targets.healthy_ports()] == ["good"]
        place.write(web("better"))
        await until(lambda: runner.deployment.state != COMPLETED)
        await runner.wait_steady(20)
        assert [text_of(port) for port in place.targets.healthy_ports()] == ["better"]

    place.run(use, container_port=8080, target_group_arns=(GROUP,), watch=(place.folder,))


def test_a_version_that_is_not_healthy_leaves_the_old_one_running(place: Place) -> None:
    place.write(web("good"))

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        old = _running(runner)
        place.write(web("sick", status=503))
        await runner.redeploy("a new version")
        with pytest.raises(ServiceNotSteady, match="Task failed ELB health checks"):
            await runner.wait_steady(30)
        await until(lambda: _running(runner) == old)
        assert [text_of(port) for port in place.targets.healthy_ports()] == ["good"]

    place.run(use, container_port=8080, target_group_arns=(GROUP,))


def test_a_worker_that_fails_at_its_start_leaves_the_old_one_running(place: Place) -> None:
    place.write("import time\ntime.sleep(600)")

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        old = _running(runner)
        place.write("raise SystemExit(2)")
        await runner.redeploy("a new version")
        with pytest.raises(ServiceNotSteady, match="exit code 2"):
            await runner.wait_steady(20)
        assert _running(runner) == old

    place.run(use, timing=replace(QUICK, settle_replacement=60.0))


def test_a_second_change_overtakes_a_version_that_hangs(place: Place) -> None:
    place.write(web("one"))

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        place.write("import time\nprint('hanging')\ntime.sleep(600)")
        await place.said("hanging")
        place.write(web("three"))
        await until(lambda: sum("begins: changed" in event.message for event in runner.events) == 2)
        await runner.wait_steady(20)
        assert [text_of(port) for port in place.targets.healthy_ports()] == ["three"]
        assert len(_running(runner)) == 1

    place.run(use, container_port=8080, target_group_arns=(GROUP,), watch=(place.folder,))


def test_changes_that_are_not_code_replace_nothing(place: Place) -> None:
    place.write("import time\ntime.sleep(600)")
    (place.folder / "__pycache__").mkdir()
    (place.folder / ".groundsill").mkdir()

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        for name in ("__pycache__/app.cpython-311.pyc", ".groundsill/data", "app.py.swp", "requests.log"):
            (place.folder / name).write_text("changed")
        # The change that counts comes after the others, and is the only one named.
        place.write("import time\ntime.sleep(601)")
        line = await place.said("begins: changed")
        assert line.message.endswith("begins: changed: app.py")
        await runner.wait_steady(20)

    place.run(use, watch=(place.folder,))
    assert sum("begins: changed" in message for message in place.messages()) == 1


def test_scaling_starts_and_stops_tasks(place: Place) -> None:
    place.write(web("hello"))

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        await runner.scale(3)
        await runner.wait_steady(20)
        assert len(place.targets.healthy_ports()) == 3
        await runner.scale(1)
        await runner.wait_steady(20)
        await until(lambda: len(_running(runner)) == 1)
        await runner.scale(0)
        await runner.wait_steady(20)
        await until(lambda: {task.state for task in runner.status()} == {STOPPED})
        with pytest.raises(ValueError, match="cannot run -1 tasks"):
            await runner.scale(-1)

    place.run(use, container_port=8080, target_group_arns=(GROUP,))


def test_with_no_room_for_more_tasks_the_old_one_goes_first(place: Place) -> None:
    place.write(web("one"))

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        first = _running(runner)
        await runner.redeploy("again")
        await runner.wait_steady(20)
        assert not first & _running(runner)
        events = [event.message for event in runner.events]
        stopped = next(number for number, text in enumerate(events) if "has stopped 1 running tasks" in text)
        assert any("has started 1 tasks" in text for text in events[stopped:])

    place.run(use, container_port=8080, minimum_healthy_percent=0, maximum_percent=100)
