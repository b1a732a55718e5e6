"""Log lines: the last ones, those of some components, since a time, and as they come."""

from __future__ import annotations

import json
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from groundsill.cli.log_lines import Follower, last_lines
from groundsill.cli.views.logs import LogView, clean
from groundsill.cli.views.style import Style

from .conftest import Shop, alive, wait_until


def stamp(ago: float = 0.0) -> str:
    moment = datetime.now(UTC) - timedelta(seconds=ago)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def write(folder: Path, component: str, *messages: str, ago: float = 0.0, suffix: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{component}.jsonl{suffix}").open("a") as file:
        for message in messages:
            file.write(json.dumps({"time": stamp(ago), "component": component, "level": "info", "message": message}) + "\n")


def messages(lines: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in lines]


def test_the_last_lines_of_all_components_come_in_order_of_time(shop: Shop) -> None:
    write(shop.state.logs, "api", "one", ago=30)
    write(shop.state.logs, "worker", "two", ago=20)
    write(shop.state.logs, "api", "three", ago=10)
    shown = shop.json("logs", "--lines", "2")
    assert messages(shown["lines"]) == ["two", "three"]
    text = shop.run("logs").stdout.splitlines()
    assert [line.split()[1:] for line in text] == [["api", "one"], ["worker", "two"], ["api", "three"]]


def test_lines_of_some_components_and_since_a_time(shop: Shop) -> None:
    write(shop.state.logs, "api", "old", ago=7200)
    write(shop.state.logs, "api", "new", ago=60)
    write(shop.state.logs, "worker", "other")
    assert messages(shop.json("logs", "--component", "api")["lines"]) == ["old", "new"]
    assert messages(shop.json("logs", "--component", "api", "--component", "worker", "--since", "10m")["lines"]) == [
        "new", "other"]
    assert messages(shop.json("logs", "--since", stamp(3600))["lines"]) == ["new", "other"]


def test_an_unknown_component_is_named_and_a_silent_one_is_not(shop: Shop) -> None:
    write(shop.state.logs, "api", "one")
    wrong = shop.run("logs", "--component", "apy")
    assert wrong.returncode == 1 and "GS2121" in wrong.stderr and "did you mean `api`" in wrong.stderr
    assert shop.json("logs", "--component", "orders")["lines"] == []


def test_no_logs_at_all_say_what_to_do(shop: Shop) -> None:
    done = shop.run("logs")
    assert done.returncode == 1 and "GS2120" in done.stderr and "groundsill up" in done.stderr


def test_follow_goes_on_with_new_lines_until_the_system_stops(shop: Shop) -> None:
    shop.run("up", "--detach")
    follow = shop.start("logs", "--follow", "--json")
    assert follow.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(follow.stdout or ()), daemon=True)
    reader.start()
    wait_until(lambda: any("second line" in line for line in lines))
    write(shop.state.logs, "brand-new", "a late component")
    wait_until(lambda: any("a late component" in line for line in lines))
    shop.run("down")
    assert follow.wait(20) == 0
    reader.join(10)
    assert len(lines) == 3 and all(json.loads(line)["time"] for line in lines)


def test_ctrl_c_ends_following_and_not_the_system(shop: Shop) -> None:
    pid = shop.json("up")["pid"]
    follow = shop.start("logs", "--follow")
    assert follow.stdout is not None
    follow.stdout.readline()
    follow.send_signal(signal.SIGINT)
    assert follow.wait(20) == 130 and alive(pid)


def test_a_reader_that_has_seen_enough_is_no_error(shop: Shop) -> None:
    write(shop.state.logs, "api", *("x" * 200 for _ in range(5000)))
    follow = shop.start("logs", "--lines", "5000")
    assert follow.stdout is not None and follow.stderr is not None
    follow.stdout.readline()
    follow.stdout.close()
    assert follow.wait(20) == 0 and "Traceback" not in follow.stderr.read()


def test_lines_cut_off_by_a_crash_and_calls_of_the_aws_api_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "api", "whole")
    with (tmp_path / "api.jsonl").open("a") as file:
        file.write('{"time": "2026-11-20T14')
    (tmp_path / "aws-calls.jsonl").write_text('{"time": 1.5, "service": "sqs"}\n')
    assert messages(last_lines(tmp_path)) == ["whole"]


def test_a_file_that_was_renamed_while_followed_loses_no_line(tmp_path: Path) -> None:
    write(tmp_path, "api", "before")
    follower = Follower(tmp_path)
    write(tmp_path, "api", "end of the old one")
    (tmp_path / "api.jsonl").rename(tmp_path / "api.jsonl.1")
    write(tmp_path, "api", "first of the new one")
    assert messages(follower.poll()) == ["end of the old one", "first of the new one"]
    (tmp_path / "api.jsonl").unlink()
    assert follower.poll() == []
    write(tmp_path, "api", "begun anew")
    assert messages(follower.poll()) == ["begun anew"]
    assert messages(last_lines(tmp_path)) == ["before", "end of the old one", "begun anew"]


def test_an_unfinished_line_is_shown_once_it_is_finished(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    text = json.dumps({"time": stamp(), "component": "api", "message": "müde"}, ensure_ascii=False).encode() + b"\n"
    for part in (text[:50], text[50:]):
        assert follower.poll() == []
        with (tmp_path / "api.jsonl").open("ab") as file:
            file.write(part)
    assert messages(follower.poll()) == ["müde"]


@given(some.lists(some.text(max_size=300), max_size=60), some.integers(0, 70))
def test_reading_backwards_is_reading(texts: list[str], most: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        older, newer = texts[: len(texts) // 2], texts[len(texts) // 2:]
        for suffix, part in ((".1", older), ("", newer)):
            (Path(folder) / f"a.jsonl{suffix}").write_text("".join(
                json.dumps({"time": "2026", "message": text}, ensure_ascii=False) + "\n" for text in part))
        assert messages(last_lines(Path(folder), most=most)) == texts[max(0, len(texts) - most):]


@given(some.text())
def test_no_log_line_can_move_the_cursor_or_forge_another(text: str) -> None:
    shown = clean(text + "\x1b[2J\x1b]0;title\x07\r\x9b1A")
    assert not any((ord(letter) < 32 and letter not in "\t\n") or 0x7F <= ord(letter) < 0xA0 for letter in shown)


def test_components_are_told_apart_by_colour_on_a_terminal() -> None:
    view = LogView(Style(True))
    first, second = (view.line({"time": stamp(), "component": name, "message": "m"}) for name in ("api", "worker"))
    assert "\x1b[36mapi" in first and "\x1b[33mworker" in second
    assert "\x1b" not in LogView(Style()).line({"time": stamp(), "component": "api", "level": "error", "message": "m"})
