"""Run jobs in the test's own process, with the stand-in for the estimate."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from om_support import stub_estimation
from om_support.backend import Backend
from om_support.calls import PROFILE, ok, walk_csv


def use_stub(monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    """Replace the estimate until the test ends."""
    import services.energy

    stub = stub_estimation.make(**options)
    monkeypatch.setitem(sys.modules, "services.energy.estimation", stub)
    monkeypatch.setattr(services.energy, "estimation", stub, raising=False)


def make_worker(backend: Backend, **changes: str) -> Any:
    """A worker with the module's tables."""
    from services.energy.settings import read_settings
    from services.energy.worker import Worker

    defaults = {"SERVICE_TYPE": "worker", "JOB_RETRY_SECONDS": "0"}
    return Worker(read_settings({**backend.environment, **defaults, **changes}))


def work(backend: Backend, worker: Any = None, *, messages: int = 1) -> None:
    """Take and handle so many messages."""
    worker = worker or make_worker(backend)
    for _ in range(messages):
        message = worker.receive()
        assert message is not None, "the queue is empty"
        worker.handle(message)


def upload(
    session_id: str, *, email: str = "walker@example.com", start: float = 1.0, seconds: float = 4.0
) -> None:
    """A session with all sensors, and a profile."""
    body = {"csv_data": walk_csv(seconds, start=start), "session_id": session_id, "chunk_samples": 50}
    ok("save-raw-sensor-data", body, email=email)
    ok("manage-user-profile", PROFILE, email=email)


def row(backend: Backend, session_id: str) -> dict[str, Any]:
    """The status row as plain values."""
    from shared.jobs import read_row

    return read_row(backend.status, session_id) or {}
