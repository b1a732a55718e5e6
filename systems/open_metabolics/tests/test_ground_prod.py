"""The stage `prod` on this machine: TLS at the load balancer, the redirect to it, and the walk through both."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from client import run_journey
from om_support.calls import PROFILE
from om_support.running import Running, started


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from started(tmp_path_factory.mktemp("prod") / "open_metabolics", stage="prod")


@pytest.fixture
def authority(running: Running) -> Path:
    return running.folder / ".groundsill" / "prod" / "certificates" / "authority.pem"


@pytest.mark.requirement("OM-C07", "OM-R48", "OM-S04")
def test_the_load_balancer_answers_by_tls_with_a_certificate_of_this_machine_s_authority(
    running: Running, authority: Path,
) -> None:
    address = running.urls["front:443"]
    assert address.startswith("https://")
    with urllib.request.urlopen(f"{address}/health", context=ssl.create_default_context(cafile=authority)) as answer:
        assert json.load(answer) == {"status": "ok"}
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(f"{address}/health", context=ssl.create_default_context())
    assert [note for note in running.facts["notes"] if str(authority) in note], "it is said how to trust it"


@pytest.mark.requirement("OM-C07", "OM-R47", "OM-R48")
def test_plain_http_is_redirected_to_tls(running: Running) -> None:
    answer = running.call("GET", f"{running.urls['front:80']}/status/x?a=b")
    assert answer.status == 301
    assert answer.headers["location"] == f"{running.urls['front:443']}/status/x?a=b"


@pytest.mark.requirement("OM-R01", "OM-C14", "OM-C26")
def test_prod_has_its_own_names_and_stage_path(running: Running) -> None:
    assert running.urls["api"].endswith("/prod")
    assert running.outputs["dynamodb_table_name"] == "RawSensorDataTable-prod"


@pytest.mark.requirement("OM-B25", "OM-B18", "OM-C07")
def test_a_walk_goes_through_tls_and_through_the_private_link(
    running: Running, authority: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    import numpy as np
    from simulation.walk import simulate_walk

    samples = simulate_walk(minutes=0.5)
    rows = np.column_stack([samples.time, samples.gyroscope, samples.accelerometer]).tolist()
    configuration = running.configuration
    assert configuration["energy_expenditure_service_url"] == running.urls["front:443"]
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    summary = run_journey(configuration, rows, PROFILE, running.code)
    assert summary["kilocalories"] > 0
    # The HTTP API's route goes to the same service, by TLS too.
    linked = run_journey({**configuration, "energy_expenditure_service_url": f"{running.urls['api']}/energy"}, rows,
                         PROFILE, running.code)
    assert linked["watts"] == pytest.approx(summary["watts"])
