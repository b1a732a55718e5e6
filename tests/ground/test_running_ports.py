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
    # What was asked for in vain is not remembered.
    assert str(taken) not in system.up()["urls"]["api"]


def test_a_port_that_is_asked_for_is_taken_and_remembered(system: Small) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert f":{port}" in system.up("--port", str(port))["urls"]["api"]
    system.down()
    assert f":{port}" in system.up()["urls"]["api"]


def test_a_remembered_port_that_somebody_took_is_replaced_with_a_clear_line(system: Small, taken: int) -> None:
    system.state.path.mkdir(parents=True)
    (system.state.path / "ports.json").write_text(json.dumps({"aws_apigatewayv2_api.api": taken}))
    facts = system.up()
    assert f":{taken}" not in facts["urls"]["api"]
    (note,) = facts["notes"]
    assert str(taken) in note and str(os.getpid()) in note and facts["urls"]["api"].rpartition(":")[2].split("/")[0] in note
    assert system.call("/notes/a").status == 404


@pytest.mark.parametrize("port", [0, 70_000, -1, "x"])
def test_what_is_no_port_is_refused(system: Small, port: object) -> None:
    done = system.run("up", f"--port={port}")
    assert done.returncode == 2 and "not a port" in done.stderr
