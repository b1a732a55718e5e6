"""Certificates that are proven elsewhere: no record of the definition proves their names, so somebody has to enter them.

ACM issues a certificate once it finds a record of its own for each name. Until then Terraform waits, for 75 minutes, and
tells nobody which records (``aws_acm_certificate_validation``, Timeouts).

Source: AWS Certificate Manager User Guide, "DNS validation"; API Reference, "CertificateDetail", Status and FailureReason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundsill.graph.graph import Graph
from groundsill.graph.reference import Reference, holds_reference
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.terraform.aws_calls import AwsCalls
from groundsill.terraform.resolver import ask_resolver

ISSUED = "ISSUED"
GONE = ("VALIDATION_TIMED_OUT", "NOT_FOUND")
"""ACM gives up after 72 hours. The provider takes such a certificate for one that is not there, and makes another."""
REFUSED = ("FAILED", "REVOKED", "EXPIRED", "INACTIVE")
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class AwaitedCertificate:
    """A certificate that waits for records which the definition does not make.

    Arguments:
        address: Terraform address.
        names: domain names that it is for, its own first; those that the definition knows.
        validations: addresses of the validations that wait for it.
    """

    address: str
    names: tuple[str, ...]
    validations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValidationRecord:
    """A DNS record that proves a name.

    Arguments:
        name: of the record, with its last dot as AWS writes it.
        type: ``CNAME``.
        value: what it holds.
    """

    name: str
    type: str
    value: str

    @property
    def is_found(self) -> bool | None:
        """Whether the world finds it; None where there is nobody to ask."""
        found = ask_resolver(self.name, "CNAME")
        return None if found is None else self.value.rstrip(".").lower() in found


@dataclass(frozen=True, slots=True)
class Proof:
    """How far a certificate is.

    Arguments:
        address: Terraform address.
        arn: of the certificate.
        domain: its first name.
        records: that prove its names.
        status: in ACM's word, for example ``PENDING_VALIDATION``; ``NOT_FOUND`` where there is none; empty where ACM could
            not be asked.
        reason: why ACM refuses it, in its word; empty where it does not.
    """

    address: str
    arn: str
    domain: str
    records: tuple[ValidationRecord, ...]
    status: str = ""
    reason: str = ""

    @property
    def region(self) -> str:
        """Region of the certificate: us-east-1 for a CDN's, whatever the system's own is."""
        return self.arn.split(":")[3]

    def to_dict(self) -> dict[str, Any]:
        """The proof for ``--json``."""
        return {
            "address": self.address, "domain": self.domain, "region": self.region, "status": self.status or None,
            "records": [{"name": item.name, "type": item.type, "value": item.value} for item in self.records],
        }


def awaited_certificates(graph: Graph) -> list[AwaitedCertificate]:
    """Certificates of the system that are validated through DNS and by no record that it makes."""
    waiting: dict[str, list[str]] = {}
    for validation in graph.of_type("aws_acm_certificate_validation"):
        named = validation.arguments.get("certificate_arn")
        certificate = graph.target(named) if isinstance(named, Reference) else None
        if certificate is None or certificate.data or certificate.arguments.get("validation_method") != "DNS":
            continue
        referring = {graph[address].type for address in graph.referrers(certificate.address)}
        if "aws_route53_record" not in referring:
            waiting.setdefault(certificate.address, []).append(validation.address)
    return [AwaitedCertificate(address, _names(graph[address].arguments), tuple(found)) for address, found in waiting.items()]


def proof_in_state(resources: Sequence[Mapping[str, Any]], awaited: AwaitedCertificate) -> Proof | None:
    """What a state knows of a certificate; None where it is not there, or is for other names than the definition's.

    Arguments:
        resources: of the state.
        awaited: the certificate.
    """
    for item in resources:
        values: Mapping[str, Any] = item.get("values") or {}
        if item.get("address") == awaited.address and values.get("arn"):
            if awaited.names and set(awaited.names) != set(_names(values)):
                return None
            options = [option for option in values.get("domain_validation_options") or () if is_mapping(option)]
            return Proof(awaited.address, str(values["arn"]), str(values.get("domain_name")), _records(
                (option.get("resource_record_name"), option.get("resource_record_type"), option.get("resource_record_value"))
                for option in options))
    return None


def asked(known: Proof) -> Proof:
    """The same certificate as ACM knows it now; as it was known where ACM cannot be asked.

    Arguments:
        known: names the certificate.
    """
    answer = AwsCalls(known.region, seconds=_SECONDS).ask("acm", "describe_certificate", {"CertificateArn": known.arn})
    if isinstance(answer, str):
        status = "NOT_FOUND" if "ResourceNotFound" in answer else ""
        return Proof(known.address, known.arn, known.domain, known.records, status)
    found: Mapping[str, Any] = answer.get("Certificate") or {}
    given: list[Mapping[str, Any]] = [
        option["ResourceRecord"] for option in found.get("DomainValidationOptions") or () if option.get("ResourceRecord")]
    return Proof(
        known.address, known.arn, str(found.get("DomainName") or known.domain),
        _records((item.get("Name"), item.get("Type"), item.get("Value")) for item in given) or known.records,
        str(found.get("Status") or ""), str(found.get("FailureReason") or ""),
    )


def _records(found: Iterable[tuple[Any, Any, Any]]) -> tuple[ValidationRecord, ...]:
    # A wildcard and its domain are proven by the same record.
    whole = dict.fromkeys(ValidationRecord(*map(str, item)) for item in found if all(item))
    return tuple(sorted(whole, key=lambda record: record.name))


def _names(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of a certificate; none where one of them is not known before the deploy."""
    further = arguments.get("subject_alternative_names")
    named = [arguments.get("domain_name"), *(further if is_list(further) else [] if further is None else [further])]
    known = [name.lower() for name in named if isinstance(name, str) and not holds_reference(name)]
    return tuple(dict.fromkeys(known)) if len(known) == len(named) else ()
