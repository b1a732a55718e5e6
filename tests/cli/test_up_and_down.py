"""Starting and stopping, as a user and as a script see it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading

import psutil
import pytest

from .conftest import Shop, alive, wait_until


def test_detached_up_shows_every_url_and_down_stops_it(shop: Shop) -> None:
    up = shop.run("up", "--detach", "--port", "8123")
    assert up.returncode == 0, up.stderr
    assert "http://127.0.0.1:4566" in up.stdout and "http://127.0.0.1:8123/dev" in up.stdout
    assert "Recorded only, not run here (2 resources)" in up.stderr
    assert "no network here:\n    2 aws_nat_gateway\n" in up.stderr
    assert up.stderr.count("port 1 is taken") == 1
    assert "groundsill down" in up.stderr, "the next actions are missing"
    assert "\x1b" not in up.stdout + up.stderr
    pid = shop.state.pid()
    assert pid

    down = shop.run("down")
    assert (down.returncode, "Stopped" in down.stdout) == (0, True)
    assert not alive(pid)
    assert not shop.state.ground_file.exists()
    assert (shop.state.data / "table").exists(), "data stays"


def test_up_as_json_is_one_object_with_every_url(shop: Shop) -> None:
    shown = shop.json("up", behaviour="chatter")
    assert shown["urls"] == {"AWS API": "http://127.0.0.1:4566", "api": "http://127.0.0.1:8080/dev"}
    assert (shown["status"], shown["already_running"]) == ("ready", False)
    assert shop.json("up")["already_running"] is True
    assert shop.json("down") == {"system": "shop", "stage": "dev", "stopped": True, "deleted": []}
    assert shop.json("down")["stopped"] is False


def test_up_of_a_running_system_says_so_and_starts_nothing(shop: Shop) -> None:
    shop.run("up", "--detach")
    pid = shop.state.pid()
    again = shop.run("up", "--port", "8124")
    assert (again.returncode, shop.state.pid()) == (0, pid)
    assert "--port take effect at the next start" in again.stderr
    assert "already running" in again.stderr and "http://127.0.0.1:8080/dev" in again.stdout


def test_settings_reach_the_system(shop: Shop) -> None:
    assert shop.json("up", "--set", "a=1", "--set", "b=x=y")["outputs"]["settings"] == ["a=1", "b=x=y"]


def test_what_is_wrong_with_the_definition_is_shown_in_the_one_form(shop: Shop) -> None:
    failed = shop.run("up", "--detach", behaviour="fail")
    assert failed.returncode == 1
    assert 'error[GS1101]: unknown argument `hash_keys`\n  --> system.py:7  Table("orders")\n  did you mean' in failed.stderr
    assert "1 error, 1 warning" in failed.stderr
    assert not shop.state.is_running()

    shown = shop.json("up", code=1, behaviour="fail")
    assert shown["error"] == "1 error, 1 warning"
    assert [item["code"] for item in shown["diagnostics"]] == ["GS1101", "GS1102"]


def test_a_process_that_ends_while_it_starts_is_named_with_its_last_words(shop: Shop) -> None:
    failed = shop.run("up", "--detach", behaviour="die")
    assert failed.returncode == 1
    assert "GS2104" in failed.stderr and "exit code 3" in failed.stderr and "something broke" in failed.stderr


def test_ctrl_c_while_it_starts_leaves_nothing_behind(shop: Shop) -> None:
    up = shop.start("up", behaviour="slow")
    pid = wait_until(shop.state.pid)
    up.send_signal(signal.SIGINT)
    assert up.wait(20) == 130
    assert not alive(pid) and not shop.state.is_running()


def test_a_second_start_meanwhile_waits_and_says_when_the_first_has_failed(shop: Shop) -> None:
    up = shop.start("up", behaviour="slow")
    wait_until(shop.state.pid)
    assert "GS2109" in shop.run("outputs").stderr
    second = shop.start("up")
    assert second.stderr is not None
    assert "waiting" in second.stderr.readline()
    assert shop.run("down").returncode == 0
    assert (up.wait(20), second.wait(20)) == (1, 1)
    assert "GS2105" in second.stderr.read()


def test_two_starts_at_once_start_one_system(shop: Shop) -> None:
    both = [shop.start("up", "--detach") for _ in range(2)]
    assert [process.wait(30) for process in both] == [0, 0]
    found = [process.pid for process in psutil.process_iter(["cmdline"])
             if str(shop.folder.resolve()) in (process.info["cmdline"] or [])]
    assert found == [shop.state.pid()]


def test_the_foreground_shows_logs_until_ctrl_c_stops_the_system(shop: Shop) -> None:
    up = shop.start("up")
    assert up.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(up.stdout or ()), daemon=True)
    reader.start()
    wait_until(lambda: any("second line" in line for line in lines))
    pid = shop.state.pid()
    up.send_signal(signal.SIGINT)
    assert up.wait(20) == 130
    reader.join(10)
    text = "".join(lines)
    assert "orders-api" in text and "listening" in text
    assert "warning: no colour of mine" in text and "\x1b" not in text
    assert pid and not alive(pid)


def test_a_second_ctrl_c_ends_a_stubborn_system_by_force(shop: Shop) -> None:
    up = shop.start("up", behaviour="stubborn")
    wait_until(lambda: shop.state.running())
    pid = shop.state.pid()
    assert up.stderr is not None
    wait_until(lambda: "Logs follow" in up.stderr.readline())
    up.send_signal(signal.SIGINT)
    wait_until(lambda: "Stopping" in up.stderr.readline())
    up.send_signal(signal.SIGINT)
    assert up.wait(20) == 130
    assert not alive(pid) and not shop.state.ground_file.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_stops_the_system(shop: Shop, number: signal.Signals) -> None:
    up = shop.start("up")
    pid = wait_until(lambda: shop.state.running())["pid"]
    up.send_signal(number)
    up.communicate(timeout=20)
    assert not alive(pid)


def test_nobody_reading_the_logs_stops_the_system(shop: Shop) -> None:
    up = shop.start("up")
    assert up.stdout is not None
    pid = wait_until(lambda: shop.state.running())["pid"]
    up.stdout.close()
    with (shop.state.logs / "worker.jsonl").open("a") as file:
        file.write('{"time": "2026-11-20T14:00:00.000Z", "component": "worker", "message": "anybody there?"}\n')
    assert up.wait(20) == 0
    assert not alive(pid)


def test_a_system_that_dies_in_the_foreground_is_reported(shop: Shop) -> None:
    up = shop.run("up", behaviour="crash-later")
    assert up.returncode == 1
    assert "GS2106" in up.stderr and "exit code 9" in up.stderr and "the floor gave way" in up.stderr
    assert "listening" in up.stdout


def test_down_elsewhere_ends_the_foreground(shop: Shop) -> None:
    up = shop.start("up")
    wait_until(lambda: shop.state.running())
    assert shop.run("down").returncode == 0
    _, errors = up.communicate(timeout=20)
    assert up.returncode == 0 and "stopped from elsewhere" in errors


def test_down_of_a_broken_definition_stops_what_runs(shop: Shop) -> None:
    shop.run("up", "--detach")
    shop.define("this is not Python")
    done = shop.run("down")
    assert (done.returncode, shop.state.is_running()) == (0, False), done.stderr


def test_wipe_asks_and_refuses_where_nobody_can_answer(shop: Shop) -> None:
    shop.run("up", "--detach")
    refused = shop.run("down", "--wipe", text="y\n")
    assert refused.returncode == 1 and "GS2107" in refused.stderr and "--yes" in refused.stderr
    assert shop.state.is_running(), "nothing is stopped before the answer"
    assert shop.json("down", "--wipe", code=1)["diagnostics"][0]["code"] == "GS2107"

    done = shop.run("down", "--wipe", "--yes")
    assert done.returncode == 0 and not shop.state.data.exists() and not shop.state.logs.exists()


def test_wipe_keeps_what_terraform_wrote(shop: Shop) -> None:
    shop.run("synth")
    shop.run("up", "--detach")
    assert shop.json("down", "--wipe", "--yes")["deleted"]
    assert (shop.state.terraform / "main.tf.json").exists()
    assert shop.json("down", "--wipe", "--yes")["deleted"] == []


def test_a_process_with_the_number_of_an_earlier_one_is_left_alone(shop: Shop) -> None:
    shop.run("up", "--detach")
    real = shop.state.pid()
    assert real
    other = subprocess.Popen(["sleep", "60"])
    try:
        record = json.loads(shop.state.ground_file.read_text())
        (shop.state.path / "process.json").unlink()
        shop.state.ground_file.write_text(json.dumps(record | {"pid": other.pid}))
        assert "is not running" in shop.run("down").stdout
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
        os.kill(real, signal.SIGKILL)


def test_a_record_left_by_a_crash_does_not_keep_the_system_from_starting(shop: Shop) -> None:
    shop.run("up", "--detach")
    pid = shop.state.pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not shop.state.is_running())
    assert shop.state.ground_file.exists()
    assert "GS2103" in shop.run("outputs").stderr
    assert shop.run("up", "--detach").returncode == 0
    assert shop.state.pid() not in (None, pid)


def test_a_record_that_is_no_json_is_named(shop: Shop) -> None:
    shop.state.path.mkdir(parents=True)
    shop.state.ground_file.write_text("{")
    done = shop.run("down")
    assert done.returncode == 1 and "GS2017" in done.stderr and "ground.json" in done.stderr


@pytest.mark.parametrize("stage", ["../../elsewhere", "..", "", "a/b"])
def test_a_stage_cannot_lead_out_of_the_state_folder(shop: Shop, stage: str) -> None:
    done = shop.run("down", "--stage", stage, "--wipe", "--yes")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert shop.folder.exists()


def test_an_unknown_stage_is_named_with_the_known_ones(shop: Shop) -> None:
    done = shop.run("up", "--stage", "pro")
    assert done.returncode == 1 and "unknown stage `pro`" in done.stderr and "did you mean `prod`" in done.stderr
    assert not (shop.folder / ".groundsill" / "pro").exists()
