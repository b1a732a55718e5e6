"""Ports of a running system: asked for, remembered, taken."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ground.running_help import Small, small


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Small]:
    yield from small(tmp_path / "system")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which this process listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_is_refused_with_the_name_of_its_holder(system: Small, taken: int) -> None:
    answer = system.json("up", "--port", str(taken), code=1)
    (diagnostic,) = answer["diagnostics"]
    assert diagnostic["code"] == "GS2001"
    assert str(taken) in diagnostic["summary"] and str(os.getpid()) in diagnostic["summary"]
    assert "--port" in diagnostic["mend"]
    assert not system.state.is_running()
    # What was asked for in vain is not remembered as if it had been had.
    again = system.json("up")
    assert f":{taken}/" not in again["urls"]["api"] + "/"


def test_a_port_that_is_asked_for_is_remembered_until_somebody_takes_it(system: Small) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert f":{port}/" in system.up("--port", str(port))["urls"]["api"] + "/"
    system.down()
    with socket.create_server(("127.0.0.1", port)):
        facts = system.up()
        own = facts["urls"]["api"].rpartition(":")[2].split("/")[0]
        assert own != str(port)
        (note,) = facts["notes"]
        assert str(port) in note and str(os.getpid()) in note and own in note
        assert system.call("/notes/a").status == 404


def test_a_remembered_port_is_used_again(system: Small) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    system.state.path.mkdir(parents=True)
    (system.state.path / "ports.json").write_text(json.dumps({"aws_apigatewayv2_api.api": port}))
    assert f":{port}/" in system.up()["urls"]["api"] + "/"
    assert not system.facts["notes"]


@pytest.mark.parametrize("port", [0, 70_000, -1, "x"])
def test_what_is_no_port_is_refused(system: Small, port: object) -> None:
    done = system.run("up", f"--port={port}")
    assert done.returncode == 2 and "not a port" in done.stderr
