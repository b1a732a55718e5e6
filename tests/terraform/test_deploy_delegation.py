"""A new DNS zone is made first; the deploy waits until the registrar names its servers, and is continued afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundsill import Stage, System
from groundsill.components import Certificate, Zone
from groundsill.terraform.delegation import is_delegated, zones_to_delegate
from groundsill.terraform.resolver import RESOLVER_VARIABLE, ask_resolver

from .deploy_support import BUCKET, Shop, client, running_api
from .dns import resolver

DEFINITION = '''
from groundsill import Stage, System
from groundsill.components import Certificate, Zone

system = System("domain", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    zone = Zone("zone", "shop.example")
    Certificate("certificate", "shop.example", zone=zone)
'''


def test_name_servers_are_read_from_the_resolvers_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with resolver() as dns:
        monkeypatch.setenv(RESOLVER_VARIABLE, dns.address)
        assert ask_resolver("shop.example", "NS") == [] and is_delegated("shop.example", ["ns-1.awsdns-1.org"]) is False
        dns.servers = ["ns-1.AWSDNS-1.org", "ns-2.awsdns-2.com"]
        assert ask_resolver("shop.example", "NS") == ["ns-1.awsdns-1.org", "ns-2.awsdns-2.com"]
        assert is_delegated("shop.example", ["ns-2.awsdns-2.com"]) is True
    monkeypatch.setenv(RESOLVER_VARIABLE, "127.0.0.1:1")
    assert is_delegated("shop.example", ["ns-2.awsdns-2.com"]) is None


def test_only_a_zone_that_certificates_need_is_waited_for() -> None:
    system = System("shop")

    @system.define
    def define(stage: Stage) -> None:
        zone = Zone("zone", "shop.example")
        Zone("other", "other.example")
        Zone("there", "there.example", id="Z1")
        Certificate("certificate", "shop.example", zone=zone)

    assert [(zone.address, zone.domain) for zone in zones_to_delegate(system.build())] == [
        ("aws_route53_zone.zone", "shop.example")]


@pytest.mark.requirement("PA-T06")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_zone_comes_first_and_its_delegation_is_waited_for(
    terraform: None, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running_api(tmp_path_factory.mktemp("aws")) as api, resolver() as dns:
        client(api, "s3").create_bucket(Bucket=BUCKET)
        shop = Shop(tmp_path / "shop", api, "domain")
        (shop.folder / "system.py").write_text(DEFINITION)
        error = shop.json("deploy", "--delegation-seconds", "0", code=1, **{RESOLVER_VARIABLE: dns.address})["diagnostics"][0]
        assert error["code"] == "GS3034" and "shop.example" in error["summary"]
        dns.servers = error["detail"].removeprefix("name servers: ").split(", ")
        assert len(dns.servers) == 4
        assert not client(api, "acm").list_certificates()["CertificateSummaryList"]
        done = shop.run("deploy", **{RESOLVER_VARIABLE: dns.address})
        assert "Continuing: " in done.stderr and "shop.example is delegated" in done.stderr
        zones = client(api, "route53").list_hosted_zones()["HostedZones"]
        assert [zone["Name"] for zone in zones] == ["shop.example."]
        assert len(client(api, "acm").list_certificates()["CertificateSummaryList"]) == 1
