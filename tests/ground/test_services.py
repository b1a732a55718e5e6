"""Services on the ground as ECS shows them: starting, ending, crashing, limits, health."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from groundsill.ground.services.runner import ServiceRunner
from groundsill.ground.services.status import RUNNING, STOPPED, ServiceNotSteady
from tests.ground.services_help import GROUP, QUICK, Place, Targets, alive, text_of, until, web

# A worker that never counts as up within a test, so that a slow machine does not matter.
PATIENT = replace(QUICK, settle=60.0, settle_replacement=60.0)
SLEEPER = "import time\nprint('ready')\ntime.sleep(600)\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "app")


@pytest.mark.parametrize("plain", [False, True], ids=["uvloop", "asyncio"])
def test_tasks_of_one_service_answer_side_by_side(place: Place, plain: bool) -> None:
    place.write(web("hello"))

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        tasks = runner.status()
        assert [task.state for task in tasks] == [RUNNING, RUNNING]
        ports = [task.port for task in tasks if task.port]
        assert len(set(ports)) == 2 and 8080 not in ports
        assert [await asyncio.to_thread(text_of, port) for port in ports] == ["hello", "hello"]
        assert runner.events[-1].message == "(service shop-service) has reached a steady state."

    place.run(use, plain=plain, container_port=8080, desired_count=2)


def test_a_process_that_is_told_its_port_as_an_argument_is_given_its_own(place: Place) -> None:
    place.write("import sys, os\nos.environ['PORT'] = sys.argv[1].split(':')[1]\n" + web("by argument"))

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        for task in runner.status():
            assert task.port and await asyncio.to_thread(text_of, task.port) == "by argument"

    place.run(use, container_port=8080, desired_count=2, command=("python", "app.py", "0.0.0.0:8080"),
              environment={"PORT": "unused"})


def test_what_a_process_writes_is_in_the_log_line_by_line(place: Place) -> None:
    place.write(textwrap.dedent("""
        import os, sys, time
        print("to output")
        print("to errors", file=sys.stderr)
        sys.stdout.buffer.write(b"broken \\xff text\\n" + b"x" * 300_000 + b"\\nno line end")
        sys.stdout.flush()
        time.sleep(600)
    """))

    async def use(runner: ServiceRunner) -> None:
        await place.said("broken")
        await place.said("xxx")
        await place.said("to errors")
        first = await place.said("to output")
        assert first.component == "shop"
        assert first.stream == f"web-log/web/{runner.status()[0].task_id}"

    place.run(use, log_prefix="web-log")
    assert "broken \ufffd text" in place.output()
    assert [len(text) for text in place.output() if text.startswith("x")] == [262_118, 300_000 - 262_118]
    assert place.output()[-1] == "no line end"


def test_a_process_has_only_what_is_declared_and_what_fargate_gives(
    place: Place, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "developer")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "developer")
    monkeypatch.setenv("DJANGO_SECRET", "developer")
    place.write("import os, json, time\nprint(json.dumps(dict(os.environ)))\ntime.sleep(600)\n")

    async def use(runner: ServiceRunner) -> None:
        await place.said("{")

    place.run(use, environment={"TABLE": "orders", "AWS_ACCESS_KEY_ID": "role"}, region="eu-west-1")
    import json

    found = json.loads(place.output()[0])
    assert found["TABLE"] == "orders" and found["AWS_ACCESS_KEY_ID"] == "role"
    assert found["AWS_EXECUTION_ENV"] == "AWS_ECS_FARGATE" and found["AWS_REGION"] == "eu-west-1"
    assert "developer" not in found.values() and "ECS_CONTAINER_METADATA_URI_V4" not in found


def test_a_crashed_task_is_logged_and_replaced(place: Place) -> None:
    place.write(web("hello"))

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        first = runner.status()[0]
        with pytest.raises(OSError):
            text_of(first.port or 0, "/exit")
        await until(lambda: any(task.state == STOPPED for task in runner.status()))
        await runner.wait_steady(20)
        second, stopped = runner.status()
        assert second.task_id != first.task_id and second.state == RUNNING
        assert (stopped.exit_code, stopped.stopped_reason) == (3, "Essential container in task exited")
        assert text_of(second.port or 0) == "hello"

    place.run(use, container_port=8080)
    assert any("Essential container in task exited; exit code 3" in line.message and line.level == "error"
               for line in place.lines)


def test_a_killed_process_shows_the_exit_code_of_its_signal(place: Place) -> None:
    place.write(SLEEPER)

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        os.kill(runner.status()[0].pid, signal.SIGKILL)
        await place.said("killed by SIGKILL, exit code 137")
        await until(lambda: len(runner.status()) == 2)
        assert runner.status()[1].exit_code == 137

    place.run(use)


def test_a_launcher_that_is_killed_takes_its_process_with_it(place: Place) -> None:
    place.write(SLEEPER)

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        pid = runner.status()[0].pid
        os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
        await until(lambda: not alive([pid]))
        await until(lambda: any(task.state == STOPPED for task in runner.status()))
        await runner.wait_steady(20)

    place.run(use)


def test_a_task_above_its_memory_is_killed_as_out_of_memory(place: Place) -> None:
    # The child holds it, so the whole tree counts; below its limit nothing happens.
    place.write(textwrap.dedent("""
        import subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "import time; x = bytearray(150_000_000); time.sleep(600)"])
        time.sleep(600)
    """))

    async def use(runner: ServiceRunner) -> None:
        await place.said("OutOfMemoryError: Container killed due to memory usage (its limit is 100 MB)")
        stopped = await until(lambda: [task for task in runner.status() if task.state == STOPPED])
        assert stopped[-1].exit_code == 137
        assert stopped[-1].container_reason == "OutOfMemoryError: Container killed due to memory usage"

    place.run(use, memory_megabytes=100)


def test_stop_lets_a_process_finish_its_work(place: Place) -> None:
    place.write(textwrap.dedent("""
        import signal, sys, time
        def end(*_):
            print("finished cleanly")
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print("ready")
        time.sleep(600)
    """))

    async def use(runner: ServiceRunner) -> None:
        await place.said("ready")
        await runner.stop()
        task = runner.status()[0]
        assert (task.state, task.exit_code, task.stopped_reason) == (STOPPED, 0, "Service stopped")

    place.run(use)
    assert "finished cleanly" in place.output()


def test_a_process_that_ignores_sigterm_is_killed_after_its_stop_timeout(place: Place) -> None:
    place.write("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER)

    async def use(runner: ServiceRunner) -> None:
        await place.said("ready")
        await runner.stop()
        assert runner.status()[0].exit_code == 137

    place.run(use, stop_timeout=0.3)
    assert any("did not end within 0.3 s of SIGTERM" in message for message in place.messages())


FAMILY = textwrap.dedent("""
    import subprocess, sys, time
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    near = subprocess.Popen(sleep)
    far = subprocess.Popen(sleep, start_new_session=True)
    print("family", near.pid, far.pid, flush=True)
""")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to the launcher")
@pytest.mark.parametrize("end", ["import os; os._exit(1)", "time.sleep(600)"], ids=["crash", "stop"])
def test_nothing_that_a_task_started_outlives_it(place: Place, end: str) -> None:
    place.write(FAMILY + end)

    async def use(runner: ServiceRunner) -> list[int]:
        line = await place.said("family")
        if "exit" in end:
            await place.said("Essential container in task exited")
        return [int(word) for word in line.message.split()[1:]]

    pids = place.run(use)
    assert not alive(pids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to the launcher")
def test_every_process_dies_with_a_supervisor_that_is_killed(place: Place, tmp_path: Path) -> None:
    place.write(FAMILY + "time.sleep(600)")
    script = tmp_path / "supervisor.py"
    script.write_text(textwrap.dedent(f"""
        import asyncio, sys
        from pathlib import Path
        from groundsill.ground.services.runner import ServiceRunner
        from groundsill.ground.services.settings import ServiceSettings
        async def main():
            settings = ServiceSettings("shop", "shop", "web", ("python", "app.py"), Path({str(place.folder)!r}),
                                       Path(sys.executable), {{}})
            runner = ServiceRunner(settings, None, lambda *line: print(line[2], flush=True))
            await runner.start()
            await asyncio.sleep(600)
        asyncio.run(main())
    """))
    supervisor = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    pids = next([int(word) for word in line.split()[1:]] for line in supervisor.stdout if line.startswith("family"))
    pids += [process.pid for process in psutil.Process(supervisor.pid).children(recursive=True)]
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()

    async def gone() -> None:
        await until(lambda: not alive(pids), lambda: f"{alive(pids)} live")

    asyncio.run(gone())


def test_a_command_that_does_not_exist_is_one_clear_error(place: Place) -> None:
    async def use(runner: ServiceRunner) -> None:
        with pytest.raises(ServiceNotSteady, match='exec: "no-such-program": executable file not found in \\$PATH'):
            await runner.wait_steady(20)
        assert [task.stopped_reason for task in runner.status()] == ["Task failed to start"]

    place.run(use, command=("no-such-program", "--serve"))
    assert len([line for line in place.lines if "CannotStartContainerError" in line.message]) == 2  # the task, the event


def test_a_missing_folder_is_one_clear_error(place: Place, tmp_path: Path) -> None:
    async def use(runner: ServiceRunner) -> None:
        with pytest.raises(ServiceNotSteady, match=r"its folder .*/nowhere cannot be entered: No such file or directory"):
            await runner.wait_steady(20)

    place.run(use, directory=tmp_path / "nowhere")


def test_tasks_that_never_come_up_are_given_up_until_the_next_change(place: Place) -> None:
    place.write("raise SystemExit('no DATABASE_URL')")

    async def use(runner: ServiceRunner) -> None:
        with pytest.raises(ServiceNotSteady, match="deployment failed: tasks failed to start"):
            await runner.wait_steady(20)
        assert [task.exit_code for task in runner.status()] == [1, 1, 1]
        place.write(web("mended"))
        await place.said("begins: changed: app.py")
        await runner.wait_steady(20)

    place.run(use, watch=(place.folder,), container_port=8080, target_group_arns=(GROUP,))
    assert place.output().count("no DATABASE_URL") == 3


def test_without_a_circuit_breaker_a_task_is_started_again_and_again_with_growing_delay(place: Place) -> None:
    place.write("raise SystemExit(1)")

    async def use(runner: ServiceRunner) -> None:
        await place.said("the next attempt is in 0.05 s")
        await place.said("the next attempt is in 0.1 s")
        await place.said("the next attempt is in 0.2 s")
        with pytest.raises(ServiceNotSteady, match=r"not reached a steady state within 0.1 s: .* last failure: task"):
            await runner.wait_steady(0.1)

    place.run(use, circuit_breaker=False, timing=PATIENT)


def test_a_process_that_listens_nowhere_is_reported(place: Place) -> None:
    place.write(SLEEPER)

    async def use(runner: ServiceRunner) -> None:
        line = await place.said("listens on no port: it should listen on the PORT variable")
        assert line.level == "warning"

    place.run(use, container_port=8080)


def test_a_process_that_listens_elsewhere_is_told_where(place: Place) -> None:
    place.write("import os\nos.environ['PORT'] = '0'\n" + web("elsewhere"))

    async def use(runner: ServiceRunner) -> None:
        line = await place.said("listens on port")
        assert f", not on {runner.status()[0].port}: it should listen on the PORT variable" in line.message

    place.run(use, container_port=8080)


def test_a_process_that_only_this_machine_can_reach_is_reported(place: Place) -> None:
    place.write(web("near", host="127.0.0.1"))

    async def use(runner: ServiceRunner) -> None:
        await place.said("listens on 127.0.0.1 only: on AWS nobody can reach it there; listen on 0.0.0.0")
        await runner.wait_steady(20)

    place.run(use, container_port=8080)


def test_an_unhealthy_task_is_drained_and_replaced(place: Place) -> None:
    place.write(web("sick", status=500))

    async def use(runner: ServiceRunner) -> None:
        await place.said("is unhealthy in (target-group")
        await until(lambda: sum(task.state == STOPPED for task in runner.status()) >= 1)
        place.write(web("well"))
        await runner.redeploy("mended")
        await runner.wait_steady(20)
        assert [text_of(port) for port in place.targets.healthy_ports()] == ["well"]
        reasons = {task.stopped_reason for task in runner.status() if task.state == STOPPED}
        assert f"Task failed ELB health checks in (target-group {GROUP})" in reasons

    place.run(use, container_port=8080, target_group_arns=(GROUP,))
    assert not place.targets.targets


def test_a_young_task_is_not_replaced_within_its_grace_period(place: Place) -> None:
    place.write(web("slow", status=500))
    place.targets = Targets(allowed=1)

    async def use(runner: ServiceRunner) -> None:
        await until(lambda: any(target.state == "unhealthy" for target in place.targets.health(GROUP)))
        task = runner.status()[0]
        place.write(web("well"))
        await until(lambda: place.targets.health(GROUP)[0].failures > 10)
        assert runner.status()[0].task_id == task.task_id and runner.status()[0].state == RUNNING

    place.run(use, container_port=8080, target_group_arns=(GROUP,), health_check_grace_seconds=60)


def test_a_service_without_a_way_to_be_told_its_port_runs_one_task_on_it(place: Place) -> None:
    from groundsill.ground.ports import free_port

    port = free_port()
    place.write(f"import os\nos.environ['PORT'] = '{port}'\n" + web("fixed"))

    async def use(runner: ServiceRunner) -> None:
        await runner.wait_steady(20)
        first = runner.status()[0]
        assert first.port == port and text_of(port) == "fixed"
        await runner.redeploy("again")
        await runner.wait_steady(20)
        assert runner.status()[0].task_id != first.task_id and text_of(port) == "fixed"

    place.run(use, container_port=port, environment={"PORT": "given by nobody"}, desired_count=2)
    assert any("only one task can run on this machine" in message for message in place.messages())
