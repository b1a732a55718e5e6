"""A certificate whose records somebody enters elsewhere: it comes first, its records are shown, and the deploy waits for them.

The AWS API of the ground issues every certificate at once. So a gate before it answers as ACM does until the records are
found: ``PENDING_VALIDATION`` (API Reference, "CertificateDetail").
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from groundsill import Stage, System
from groundsill.components import Certificate, Zone
from groundsill.terraform.certificates import AwaitedCertificate, ValidationRecord, awaited_certificates, proof_in_state
from groundsill.terraform.resolver import RESOLVER_VARIABLE
from groundsill.testing import Definition

from .deploy_support import BUCKET, Shop, client, running_api, wait_until
from .dns import Resolver, resolver
from .gate import gate

SYSTEMS = Path(__file__).resolve().parents[2] / "systems"
DEFINITION = '''
from groundsill import Stage, System
from groundsill.components import Certificate

system = System("names", region="eu-west-1")


@system.define
def define(stage: Stage) -> None:
    Certificate("front", "shop.example", also=["*.shop.example", "api.shop.example"])
    Certificate("edge", "cdn.shop.example", region="us-east-1")
'''
ONE = DEFINITION.replace('    Certificate("edge", "cdn.shop.example", region="us-east-1")\n', "").replace(
    ', also=["*.shop.example", "api.shop.example"]', "")


class Acm:
    """What ACM says of certificates whose records it has not found.

    Arguments:
        dns: where records are entered.
    """

    def __init__(self, dns: Resolver) -> None:
        self.dns = dns
        self.issued = False
        self.status, self.reason = "PENDING_VALIDATION", ""
        self.lost = "nothing"
        """ARN of a certificate that ACM has waited for in vain for 72 hours."""

    def answer(self, call: bytes, status: int, content: bytes) -> tuple[int, bytes]:
        if b"CertificateManager.DescribeCertificate" not in call or status != 200 or self.issued:
            return status, content
        answer: dict[str, Any] = json.loads(content)
        certificate = answer["Certificate"]
        certificate["Status"] = "VALIDATION_TIMED_OUT" if self.lost.encode() in call else self.status
        if self.reason:
            certificate["FailureReason"] = self.reason
        certificate.pop("IssuedAt", None)
        for option in certificate["DomainValidationOptions"]:
            option["ValidationStatus"] = "PENDING_VALIDATION"
        return status, json.dumps(answer).encode()

    def enter(self, certificate: dict[str, Any]) -> None:
        """Somebody enters the records that a deploy has shown."""
        self.dns.aliases |= {item["name"]: item["value"] for item in certificate["records"]}


@contextmanager
def waiting_shop(tmp_path: Path, definition: str = DEFINITION) -> Iterator[tuple[Shop, Acm, dict[str, str]]]:
    """A shop whose certificates ACM does not issue yet; with the environment that leads to the API itself."""
    with running_api(tmp_path / "aws") as api, resolver() as dns, gate(api) as (before, environment):
        acm = Acm(dns)
        before.rewrite = acm.answer
        client(api, "s3").create_bucket(Bucket=BUCKET)
        shop = Shop(tmp_path / "shop", {**environment, RESOLVER_VARIABLE: dns.address}, "names")
        (shop.folder / "system.py").write_text(definition)
        yield shop, acm, api


@contextmanager
def started(shop: Shop, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Callable[[], str]]]:
    """A command that runs, and what it has said so far."""
    process = shop.start(*arguments)
    lines: list[str] = []
    assert process.stderr is not None
    reading = threading.Thread(target=lambda stream: lines.extend(stream), args=(process.stderr,), daemon=True)
    reading.start()
    try:
        yield process, lambda: "".join(lines)
    finally:
        process.kill()
        reading.join(10)


def listed(api: dict[str, str], region: str) -> list[dict[str, Any]]:
    import boto3

    acm = boto3.client("acm", region_name=region, endpoint_url=api["AWS_ENDPOINT_URL"],
                       aws_access_key_id=api["AWS_ACCESS_KEY_ID"], aws_secret_access_key=api["AWS_SECRET_ACCESS_KEY"])
    return acm.list_certificates()["CertificateSummaryList"]


def certificates(api: dict[str, str], region: str) -> list[str]:
    return [item["DomainName"] for item in listed(api, region)]


def test_only_a_certificate_that_no_record_of_the_definition_proves_is_waited_for() -> None:
    system = System("shop")

    @system.define
    def define(stage: Stage) -> None:
        there = Zone("zone", "shop.example", id="Z1")
        Certificate("ours", "shop.example", zone=there)
        Certificate("elsewhere", "other.example", also=["*.other.example"])

    assert awaited_certificates(system.build()) == [AwaitedCertificate(
        "aws_acm_certificate.elsewhere", ("other.example", "*.other.example"),
        ("aws_acm_certificate_validation.elsewhere",))]


def test_of_the_five_systems_two_can_have_their_zone_elsewhere() -> None:
    def awaited(folder: str, stage: str, **settings: Any) -> list[str]:
        graph = Definition(SYSTEMS / folder).graph(stage, **settings)
        return [item.names[0] for item in awaited_certificates(graph)]

    domain = "energy.metabolics.example"
    assert awaited("open_metabolics", "prod", domain=domain) == [domain]
    assert not awaited("open_metabolics", "prod", domain=domain, hosted_zone_id="Z0123456789EXAMPLE")
    assert awaited("image_understander", "dev") and not awaited("image_understander", "prod")
    for folder in ("ai_nutritionist", "multitask", "parrot"):
        assert not awaited(folder, "prod"), folder


def test_a_certificate_for_other_names_than_before_is_not_taken_for_the_one_that_is_there() -> None:
    option = {"resource_record_name": "_a.shop.example.", "resource_record_type": "CNAME", "resource_record_value": "_b.aws."}
    values = {"arn": "arn:aws:acm:us-east-1:123456789012:certificate/1", "domain_name": "shop.example",
              "subject_alternative_names": ["*.shop.example", "shop.example"], "domain_validation_options": [option, option]}
    state = [{"address": "aws_acm_certificate.front", "values": values}]
    known = proof_in_state(state, AwaitedCertificate("aws_acm_certificate.front", ("shop.example", "*.shop.example"), ()))
    assert known is not None and known.region == "us-east-1"
    assert known.records == (ValidationRecord("_a.shop.example.", "CNAME", "_b.aws."),), "one record proves both names"
    assert proof_in_state(state, AwaitedCertificate("aws_acm_certificate.front", ("other.example",), ())) is None


def test_a_record_is_found_when_it_holds_what_aws_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    record = ValidationRecord("_a.shop.example.", "CNAME", "_b.acm-validations.aws.")
    with resolver() as dns:
        monkeypatch.setenv(RESOLVER_VARIABLE, dns.address)
        assert record.is_found is False
        dns.aliases["_a.shop.example."] = "_c.acm-validations.aws."
        assert record.is_found is False
        dns.aliases["_a.shop.example."] = "_B.acm-validations.aws."
        assert record.is_found is True
    monkeypatch.setenv(RESOLVER_VARIABLE, "127.0.0.1:1")
    assert record.is_found is None


@pytest.mark.requirement("IU-T05", "AN-T04")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_records_are_shown_and_waited_for_and_the_deploy_is_continued(terraform: None, tmp_path: Path) -> None:
    with waiting_shop(tmp_path) as (shop, acm, api):
        stopped = shop.json("deploy", "--certificate-seconds", "0", code=1)
        assert {item["code"] for item in stopped["diagnostics"]} == {"GS3044"} and len(stopped["diagnostics"]) == 2
        assert stopped["diagnostics"][0]["line"] == 10 and "(not found)" in stopped["diagnostics"][0]["detail"]
        assert {item["domain"]: item["region"] for item in stopped["certificates"]} == {
            "shop.example": "eu-west-1", "cdn.shop.example": "us-east-1"}
        front, edge = sorted(stopped["certificates"], key=lambda item: -len(item["records"]))
        assert len(front["records"]) == 2, "a wildcard and its domain are proven by one record"
        assert {item["type"] for item in front["records"]} == {"CNAME"}
        assert certificates(api, "eu-west-1") == ["shop.example"]
        assert certificates(api, "us-east-1") == ["cdn.shop.example"]

        acm.enter(front)
        shown = shop.run("deploy", "--certificate-seconds", "0", code=1).stderr
        assert "Continuing: " in shown and "2 of 3 records found" in shown
        for item in (*front["records"], *edge["records"]):
            assert f"{item['name']} CNAME {item['value']}" in " ".join(shown.split()), "a row of the table"

        with started(shop, "deploy") as (process, said):
            wait_until(lambda: "PENDING_VALIDATION" in said(), 240)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        assert "The state is kept" in said()
        assert certificates(api, "eu-west-1") == ["shop.example"], "Ctrl-C keeps what was made"

        acm.enter(edge)
        with started(shop, "deploy", "--certificate-seconds", "0") as (process, said):
            wait_until(lambda: "the rest is made meanwhile" in said(), 240)
            acm.issued = True  # which Terraform finds out
            assert process.wait(300) == 0
        assert "aws_acm_certificate_validation.front" in said() and "aws_acm_certificate_validation.edge" in said()
        again = shop.json("deploy")
        assert not again["changed"] and "certificates" not in again, "a certificate that is issued asks nothing"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_certificate_that_acm_gave_up_is_made_anew_and_a_refused_one_says_why(terraform: None, tmp_path: Path) -> None:
    with waiting_shop(tmp_path, ONE) as (shop, acm, api):
        assert shop.json("deploy", "--certificate-seconds", "0", code=1)["certificates"]
        acm.status, acm.reason = "FAILED", "CAA_ERROR"
        (refused,) = shop.json("deploy", code=1)["diagnostics"]
        assert refused["code"] == "GS3045" and "CAA_ERROR" in refused["detail"] and "shop.example" in refused["summary"]

        acm.status, acm.reason = "PENDING_VALIDATION", ""
        acm.lost = listed(api, "eu-west-1")[0]["CertificateArn"]
        again = shop.json("deploy", "--certificate-seconds", "0", code=1)
        assert again["diagnostics"][0]["code"] == "GS3044"
        assert len(certificates(api, "eu-west-1")) == 2, "a new one, since the provider forgets the one that is lost"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_saved_plan_shows_the_records_while_terraform_waits(terraform: None, tmp_path: Path) -> None:
    with waiting_shop(tmp_path, ONE) as (shop, acm, _):
        planned = shop.run("plan", "--save", "plan", code=2)
        assert "! it waits for records that nothing here makes" in planned.stdout
        with started(shop, "deploy", "--plan", "plan") as (process, said):
            wait_until(lambda: "Enter these records" in said(), 240)
            acm.issued = True
            assert process.wait(300) == 0
