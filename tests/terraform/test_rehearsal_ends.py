"""However a rehearsal ends, nothing that it started goes on: not Terraform, not its provider, not the AWS API."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
LONGEST_SECONDS = 100.0  # of a busy machine; on a free one it is a tenth of it

SYSTEM = '''
from groundsill import Stage, System
from groundsill.components import Queue

system = System("shop", region="eu-central-1")


@system.define
def define(stage: Stage) -> None:
    Queue("jobs")
'''
"""A queue: the provider watches its attributes for half a minute, so there is something to end."""


def _rehearse(place: Path, *options: str) -> subprocess.Popen[str]:
    (place / "system").mkdir(parents=True)
    (place / "temporary").mkdir()
    (place / "system" / "system.py").write_text(SYSTEM)
    return subprocess.Popen(
        [sys.executable, "-m", "groundsill", "rehearse", str(place / "system"), "--json", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(place / "temporary")})


def _wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + LONGEST_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.1)


def _calls(place: Path) -> str:
    return "".join(path.read_text() for path in (place / "temporary").glob("*/aws/aws-calls.jsonl"))


def _descendants(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            yield child
            yield from _descendants(child)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes where Linux shows them")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_killed_rehearsal_leaves_no_process_and_no_folder(terraform: None, tmp_path: Path, how: signal.Signals) -> None:
    running = _rehearse(tmp_path)
    try:
        _wait(lambda: "GetQueueAttributes" in _calls(tmp_path) or running.poll() is not None)
        started = {pid: _name(pid) for pid in _descendants(running.pid)}
        running.send_signal(how)
        running.wait(LONGEST_SECONDS)
    finally:
        running.kill()
        running.communicate()
    assert all(any(word in name for name in started.values()) for word in ("terraform", "provider-aws", "aws_api", "guard"))
    _wait(lambda: not any(map(_alive, started)))
    assert list((tmp_path / "temporary").glob("groundsill-rehearsal-*")) == []


def test_a_rehearsal_that_takes_too_long_is_ended_and_says_at_what(terraform: None, tmp_path: Path) -> None:
    running = _rehearse(tmp_path, "--timeout", "15s")
    output, errors = running.communicate(timeout=LONGEST_SECONDS)
    assert running.returncode == 1, output + errors
    diagnostic = json.loads(output)["diagnostics"][0]
    assert (diagnostic["code"], diagnostic["summary"]) == ("GS3103", "the rehearsal took longer than 15 s and was ended")
    assert diagnostic["detail"].startswith("at ") and "--timeout" in diagnostic["mend"]
    assert list((tmp_path / "temporary").glob("groundsill-rehearsal-*")) == []


def test_a_time_that_is_none_is_refused_with_what_to_write(tmp_path: Path) -> None:
    for wrong in ("soon", "0"):
        running = _rehearse(tmp_path / wrong, "--timeout", wrong)
        output, errors = running.communicate(timeout=LONGEST_SECONDS)
        assert running.returncode == 2 and "--timeout" in output + errors and "Traceback" not in errors
