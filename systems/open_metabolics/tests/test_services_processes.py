"""Worker and API as real processes: leases, death, SIGTERM, roles."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from om_support.backend import ROOT, Backend, until
from om_support.calls import ROUTES, ok
from om_support.jobs import make_worker, row, upload
from om_support.processes import begun, free_port, service, stub_worker
from services.energy.settings import NEEDED, SettingsError, read_settings

START = "process-energy-expenditure"


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "begun"


@pytest.fixture(autouse=True)
def empty_queues(backend: Backend) -> None:
    for queue_url in (backend.queue_url, backend.dead_letter_url):
        backend.client("sqs").purge_queue(QueueUrl=queue_url)


def start(session_id: str) -> None:
    upload(session_id)
    ok(START, {"session_id": session_id})


@pytest.mark.requirement("OM-B21")
def test_a_job_longer_than_two_leases_is_not_delivered_twice(backend: Backend, marker: Path) -> None:
    start("long")
    options = {"JOB_LEASE_SECONDS": "2"}
    with (
        stub_worker(backend.environment, seconds=5, marker=marker, **options) as one,
        stub_worker(backend.environment, seconds=5, marker=marker, **options) as two,
    ):
        until(lambda: row(backend, "long")["Status"] == "completed")
        assert begun(marker) == 1
        until(lambda: backend.count(backend.queue_url) == (0, 0))
        assert (one.stop(), two.stop()) == (0, 0)
    assert row(backend, "long")["Attempts"] == 1


@pytest.mark.requirement("OM-B18", "OM-B20")
def test_the_job_of_a_killed_worker_is_done_by_another_after_the_lease(
    backend: Backend, marker: Path
) -> None:
    start("killed")
    options = {"JOB_LEASE_SECONDS": "2"}
    with stub_worker(backend.environment, seconds=30, marker=marker, **options) as victim:
        until(lambda: begun(marker) == 1)
        victim.kill()
    assert row(backend, "killed")["Status"] == "processing"
    with stub_worker(backend.environment, seconds=0.1, marker=marker, **options):
        until(lambda: row(backend, "killed")["Status"] == "completed")
        until(lambda: backend.count(backend.queue_url) == (0, 0))
    assert row(backend, "killed")["Attempts"] == 2
    assert len(ok("get-session-details", {"session_id": "killed"})["windows"]) == 4


@pytest.mark.requirement("OM-B18")
def test_a_worker_asked_to_stop_finishes_its_job(backend: Backend, marker: Path) -> None:
    start("finish")
    with stub_worker(backend.environment, seconds=1, marker=marker) as worker:
        until(lambda: begun(marker) == 1)
        assert worker.stop() == 0
    assert row(backend, "finish")["Status"] == "completed"
    assert backend.count(backend.queue_url) == (0, 0)


@pytest.mark.requirement("OM-B18")
def test_a_worker_without_time_to_finish_gives_the_job_back(backend: Backend, marker: Path) -> None:
    start("release")
    with stub_worker(backend.environment, seconds=30, marker=marker, STOP_GRACE_SECONDS="0.2") as worker:
        until(lambda: begun(marker) == 1)
        assert worker.stop(seconds=10) == 0
        assert worker.events("job")[0]["outcome"] == "given_back"
    found = row(backend, "release")
    assert (found["Status"], found["Progress"]) == ("pending", 0)
    # At once, and not after a lease of 15 minutes.
    assert backend.count(backend.queue_url) == (1, 0)


@pytest.mark.requirement("OM-B18")
def test_an_idle_worker_stops_with_its_poll_and_loses_no_message(backend: Backend, marker: Path) -> None:
    with stub_worker(backend.environment, seconds=0, marker=marker, POLL_SECONDS="2") as worker:
        # The first job shows that the worker is past its start and in its next poll soon after.
        start("idle")
        worker.wait_for("job")
        worker.process.terminate()
        start("stopping")
        assert worker.process.wait(10) == 0
        assert worker.events("stop")
    # Done before the signal was noticed, or given back at once: never in flight with nobody.
    assert backend.count(backend.queue_url)[1] == 0


@pytest.mark.requirement("OM-B18")
def test_a_second_signal_ends_a_wait_at_once(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.energy.worker import Stopped

    worker = make_worker(backend)

    def wait(**_: object) -> None:
        worker._on_signal(15, None)
        with pytest.raises(Stopped):
            worker._on_signal(15, None)
        raise Stopped

    monkeypatch.setattr(backend.client("sqs"), "receive_message", wait)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert worker.run() == 0


@pytest.mark.requirement("OM-B18", "OM-B19", "OM-B23")
def test_the_real_estimate_runs_in_the_workers_process(backend: Backend) -> None:
    pytest.importorskip("services.energy.estimation")
    upload("real", seconds=60)
    ok(START, {"session_id": "real"})
    with service(backend.environment, "worker", POLL_SECONDS="1") as worker:
        until(lambda: row(backend, "real")["Status"] in ("completed", "failed"), seconds=40)
        assert worker.stop() == 0
    assert row(backend, "real").get("Error") is None
    details = ok("get-session-details", {"session_id": "real"})
    assert details["summary"]["samples"] == 3000
    assert 20 < details["summary"]["mean_watts"] < 2000


@pytest.mark.requirement("OM-B23")
@pytest.mark.parametrize("role", ["", "both", "API"])
def test_an_unknown_role_ends_with_code_2_and_a_clear_message(backend: Backend, role: str) -> None:
    with service(backend.environment, role) as process:
        assert process.process.wait(20) == 2
        until(lambda: process.lines)
        (line,) = process.lines
        assert line.startswith("error: SERVICE_TYPE ")
        assert "api, worker" in line


@pytest.mark.requirement("OM-B23")
def test_missing_and_wrong_settings_are_all_named_at_once(backend: Backend) -> None:
    with pytest.raises(SettingsError, match=r"RAW_SENSOR_TABLE.*QUEUE_URL.*RESULTS_TABLE"):
        read_settings({"SERVICE_TYPE": "worker"})
    with pytest.raises(SettingsError, match="USER_POOL_ISSUER, USER_POOL_JWKS_URL, USER_POOL_CLIENT_ID"):
        read_settings({**backend.environment, "SERVICE_TYPE": "api"})
    for name, value in (("PORT", "http"), ("PORT", "70000"), ("JOB_LEASE_SECONDS", "nan")):
        with pytest.raises(SettingsError, match=name):
            read_settings({**backend.environment, "SERVICE_TYPE": "worker", name: value})


@pytest.mark.requirement("OM-B23", "OM-B15")
def test_the_api_role_serves_health_and_stops_with_code_0(backend: Backend) -> None:
    import http.client

    port = free_port()
    pool = {
        "USER_POOL_ISSUER": "https://x",
        "USER_POOL_JWKS_URL": "http://127.0.0.1:9/",
        "USER_POOL_CLIENT_ID": "x",
    }
    with service(backend.environment, "api", PORT=str(port), HOST="127.0.0.1", **pool) as process:

        def status() -> int | None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", "/health")
                return connection.getresponse().status
            except OSError:
                return None
            finally:
                connection.close()

        assert until(status) == 200
        assert process.stop() == 0
        assert process.events("stop")


@pytest.mark.requirement("OM-R18")
def test_the_functions_archive_needs_nothing_but_functions_and_shared(tmp_path: Path) -> None:
    """And a cold start pays for boto3 only when a call needs it."""
    for name in ("functions", "shared"):
        shutil.copytree(ROOT / name, tmp_path / name)
    modules = sorted({target.rpartition(".")[0] for target in ROUTES.values()})
    code = f"""
import sys
{"; ".join(f"import {module}" for module in modules)}
print(sorted({{'boto3', 'numpy', 'starlette', 'jwt', 'services', 'client'}} & set(sys.modules)))
"""
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (found.stdout.strip(), found.stderr) == ("[]", "")


@pytest.mark.requirement("OM-B23", "OM-R34")
def test_the_image_needs_nothing_but_what_its_dockerfile_copies(tmp_path: Path) -> None:
    dockerfile = (ROOT / "services" / "energy" / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (\S+)/ ", dockerfile, flags=re.MULTILINE)
    for name in copied:
        shutil.copytree(ROOT / name, tmp_path / name)
    (command,) = re.findall(r"^CMD (.*)$", dockerfile, flags=re.MULTILINE)
    program, *arguments = json.loads(command)
    assert program == "python"
    environment = {"PATH": "/usr/bin", "SERVICE_TYPE": "worker"}
    found = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2
    assert found.stderr.startswith("error: SERVICE_TYPE=worker needs these variables too: RAW_SENSOR_TABLE")
    code = "import services.energy.api, services.energy.worker, services.energy.dead_letters"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


@pytest.mark.requirement("OM-C28")
def test_the_image_runs_without_root_on_a_port_above_1024() -> None:
    lines = (ROOT / "services" / "energy" / "Dockerfile").read_text().splitlines()
    assert "USER 10001" in lines
    assert "EXPOSE 8080" in lines
    assert read_settings({**dict.fromkeys(NEEDED["worker"], "x"), "SERVICE_TYPE": "worker"}).port == 8080
