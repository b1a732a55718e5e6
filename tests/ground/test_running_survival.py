"""Data and processes across stops, kills and crashes of a running system."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.ground.running_help import Small, alive, gone, small, until


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Small]:
    yield from small(tmp_path / "system")


def aws_api_of(system: Small) -> psutil.Process:
    (found,) = [process for process in psutil.Process(system.pid).children(recursive=True)
                if "groundsill.ground.aws_api.server" in process.cmdline()]
    return found


def test_data_survives_down_and_up_and_wipe_deletes_it(system: Small) -> None:
    system.up()
    addresses = system.facts["urls"]
    assert system.call("/notes/a", "POST", "kept").status == 201
    processes = system.processes()
    assert system.down()["stopped"] is True
    gone(processes, 0.5)
    assert not system.state.ground_file.exists()
    assert system.up()["urls"] == addresses
    assert system.call("/notes/a").text == "kept"
    processes = system.processes()
    deleted = system.down("--wipe", "--yes")["deleted"]
    gone(processes, 0.5)
    assert {"data", "logs"} <= set(deleted)
    assert not system.state.data.exists()
    system.up()
    assert system.call("/notes/a").status == 404


def test_data_survives_a_killed_daemon_which_leaves_no_process_behind(system: Small) -> None:
    system.up()
    assert system.call("/notes/a", "POST", "kept").status == 201
    children = psutil.Process(system.pid).children(recursive=True)
    assert len(children) >= 2
    os.kill(system.pid, signal.SIGKILL)
    gone(children)
    assert system.json("up")["already_running"] is False
    system.facts = system.state.running() or {}
    assert system.call("/notes/a").text == "kept"


def test_a_killed_aws_api_is_started_again_and_requests_work_on_the_same_data(system: Small) -> None:
    system.up()
    assert system.call("/notes/a", "POST", "kept").status == 201
    for _ in range(2):
        before = aws_api_of(system)
        before.kill()
        # The request waits in the socket's queue meanwhile; it is not refused.
        assert system.call("/notes/a").text == "kept"
        assert aws_api_of(system).pid != before.pid
    assert system.call("/notes/b", "POST", "new").status == 201
    lines = [line for line in system.logs("aws-api") if "exit code" in line]
    assert len(lines) == 2 and "-9" in lines[0], lines


def test_two_ups_at_once_start_one_system_and_both_succeed(system: Small) -> None:
    both = [system.start("up", "--json") for _ in range(2)]
    done = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], done
    facts = [json.loads(output) for output, _ in done]
    assert facts[0]["pid"] == facts[1]["pid"] and facts[0]["urls"] == facts[1]["urls"]
    assert sorted(fact["already_running"] for fact in facts) == [False, True]
    system.facts = facts[0]
    assert system.call("/notes/a").status == 404


@pytest.mark.parametrize("moment", ["AWS API", "resources"])
def test_a_daemon_that_is_asked_to_end_while_it_starts_leaves_nothing_behind(system: Small, moment: str) -> None:
    process = system.state.start()
    assert process is not None and process.stdout is not None
    daemon = psutil.Process(process.pid)
    for line in process.stdout:
        event = json.loads(line)
        if event.get("name") == moment:
            break
    children = daemon.children(recursive=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (0, -signal.SIGTERM)
    gone(children)
    process.stdout.close()
    assert not system.state.is_running()


def test_ctrl_c_during_up_ends_everything(system: Small) -> None:
    command = system.start("up", "--json")
    until(lambda: system.state.pid())
    daemon = psutil.Process(system.state.pid() or 0)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=30)
    assert command.returncode != 0
    gone([daemon])
    assert not system.state.is_running()


def test_a_broken_definition_is_told_as_json_with_its_line_and_exit_code_1(system: Small) -> None:
    system.write("system.py", (system.folder / "system.py").read_text().replace('key="Id"', 'keys="Id"'))
    answer = system.json("up", code=1)
    first = answer["diagnostics"][0]
    assert "unknown argument `keys`" in first["summary"]
    assert first["file"].endswith("system.py") and first["line"] == 10
    assert not system.state.is_running()
    assert "Traceback" not in json.dumps(answer)


@pytest.mark.parametrize(("name", "content"), [
    ("ground.json", "not JSON"), ("process.json", "\x00\x01"), ("data/attributes.json", "not JSON"),
    ("data/root-credentials.json", "{}"),
])
def test_a_damaged_file_of_the_state_folder_is_survived_or_named(system: Small, name: str, content: str) -> None:
    damaged = system.state.path / name
    damaged.parent.mkdir(parents=True)
    damaged.write_text(content)
    done = system.run("up", "--json")
    assert "Traceback" not in done.stdout + done.stderr
    answer = json.loads(done.stdout)
    if done.returncode == 0:
        system.facts = answer
        assert system.call("/notes/a").status == 404
        assert system.run("down").returncode == 0
    else:
        assert done.returncode == 1
        text = json.dumps(answer)
        assert str(damaged) in text and answer["diagnostics"][0]["code"] != "GS2003", text
        # It says what to do, and that helps.
        mend = answer["diagnostics"][0]["mend"] or answer["diagnostics"][0]["detail"]
        if "--wipe" in mend:
            system.down("--wipe", "--yes")
        else:
            assert "delete" in mend, text
            damaged.unlink()
        assert system.up()["pid"]


@pytest.mark.parametrize("content", ["not JSON", "[]", "7", '{"aws_user_pool.users": 7}', "\x00\x01", ""])
def test_what_is_remembered_of_resources_is_read_or_named(tmp_path: Path, content: str) -> None:
    from groundsill.ground.provision.handlers import ProvisionError
    from groundsill.ground.provision.provisioner import read_memory

    memory = tmp_path / "attributes.json"
    memory.write_text(content)
    with pytest.raises(ProvisionError, match=r"attributes\.json") as refused:
        read_memory(memory)
    assert "--wipe" in str(refused.value)


@pytest.mark.parametrize(
    "content", ["not JSON", "[]", "7", '{"AWS API": "x"}', '{"AWS API": 70000}', '{"AWS API": true}', "\x00"])
def test_damaged_remembered_ports_only_mean_other_ports(tmp_path: Path, content: str) -> None:
    from groundsill.ground.ports import Ports

    memory = tmp_path / "ports.json"
    memory.write_text(content)
    port = Ports(memory, lambda text: None).choose("AWS API")
    assert 1024 <= port <= 65_535
    assert json.loads(memory.read_text())["AWS API"] == port


def test_a_state_folder_that_cannot_be_made_is_a_clear_error(system: Small) -> None:
    # As root every folder can be written, so a file stands in the folder's place.
    (system.folder / ".groundsill").write_text("in the way")
    answer = system.json("up", code=1)
    assert answer["diagnostics"][0]["code"] == "GS2011"
    assert str(system.folder) in answer["diagnostics"][0]["detail"]


def test_a_second_up_shows_the_running_system_and_a_second_daemon_is_refused(system: Small) -> None:
    system.up()
    again = system.json("up")
    assert again["already_running"] is True
    assert again["pid"] == system.pid and again["urls"] == system.facts["urls"]
    second = subprocess.run([sys.executable, "-m", "groundsill.ground.daemon", "--system", str(system.folder), "--stage", "dev"],
                            capture_output=True, text=True, timeout=60, cwd=Path(__file__).resolve().parents[2])
    assert second.returncode == 1
    failed = json.loads(second.stdout.splitlines()[-1])
    assert failed["event"] == "failed" and failed["diagnostics"][0]["code"] == "GS2002", failed
    assert "Traceback" not in second.stderr
    assert system.call("/notes/a").status == 404, "the first one goes on"
    assert alive(system.pid)
