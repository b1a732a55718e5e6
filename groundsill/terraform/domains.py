"""What a deploy cannot do alone, because a domain is somebody else's to change: its delegation, and the proof that it is ours.

Each is made first, then what has to be entered elsewhere is told, then it is waited for. What was made is kept, whatever
happens meanwhile, and a later deploy begins where this one stopped waiting.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.graph import Graph
from groundsill.terraform.certificates import (
    GONE,
    ISSUED,
    REFUSED,
    AwaitedCertificate,
    Proof,
    ValidationRecord,
    asked,
    awaited_certificates,
    proof_in_state,
)
from groundsill.terraform.delegation import NewZone, is_delegated, name_servers
from groundsill.terraform.deployment import Deployment
from groundsill.terraform.engine import ApplySummary
from groundsill.terraform.events import Event
from groundsill.terraform.failures import base_address
from groundsill.terraform.steps import Steps, Talk

_PAUSE = 10.0
_QUIET = 60.0
"""Seconds after which somebody who waits is told again that nothing has changed."""


# -- zones -------------------------------------------------------------------------------------------------------------


def delegate_zones(
    steps: Steps, zones: Sequence[NewZone], values: Mapping[str, str], seconds: float,
) -> list[ApplySummary] | None:
    """Make the zones that certificates are validated through, and wait until they are delegated.

    Arguments:
        steps: of the deploy.
        zones: of `groundsill.terraform.delegation.zones_to_delegate`.
        values: of variables.
        seconds: how long to wait.

    Returns:
        What was done; None where that was refused.

    Raises:
        GroundsillError: GS3034 where a zone is not delegated in time.
    """
    there = {str(item["address"]) for item in steps.resources()}
    open_zones = [zone for zone in zones if not set(zone.validations) <= there]
    made = steps.make_first("DNS zone", sorted({zone.address for zone in open_zones} - there), values)
    if made is not None:
        for zone in open_zones:
            servers = name_servers(steps.resources(), zone.address)
            if servers:
                steps.run("delegation", lambda zone=zone, servers=servers: _delegated(steps.talk, zone, servers, seconds))
    return made


def _delegated(talk: Talk, zone: NewZone, servers: Sequence[str], seconds: float) -> str:
    deadline = time.monotonic() + seconds
    told = False
    while True:
        found = is_delegated(zone.domain, servers)
        if found:
            return f"{zone.domain} is delegated"
        if found is None:
            talk.say(f"No DNS resolver answers, so it is not known whether {zone.domain} is delegated to {', '.join(servers)}.")
            return "not known"
        if not told:
            told = True
            talk.say(f"Enter these name servers for {zone.domain} at its registrar: {', '.join(servers)}\n"
                     f"Waiting for it for {seconds:.0f} s; certificates cannot be validated before.")
        if time.monotonic() + _PAUSE > deadline:
            raise GroundsillError(Diagnostic(
                "GS3034", f"{zone.domain} is not delegated to its new zone yet", detail="name servers: " + ", ".join(servers),
                mend="enter them at the registrar of the domain and run the same command again: it continues there",
            ))
        time.sleep(_PAUSE)


# -- certificates ------------------------------------------------------------------------------------------------------


class Certificates:
    """The certificates of a system that are proven elsewhere, in its deploy.

    Arguments:
        steps: of the deploy.
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._awaited = awaited_certificates(steps.about.graph)
        self._open: list[Proof] = []

    def make(self, values: Mapping[str, str]) -> list[ApplySummary] | None:
        """Make those that are not there yet, and tell which records prove those that are not issued.

        Arguments:
            values: of variables.

        Returns:
            What was done; None where that was refused.

        Raises:
            GroundsillError: GS3045 where ACM refuses one.
        """
        waiting, resources = self._waiting()
        found = _proofs(waiting, resources)
        missing = [item.address for item in waiting if item.address not in found or found[item.address].status in GONE]
        made = self._steps.make_first("certificate", missing, values)
        if made:
            found |= _proofs([item for item in waiting if item.address in missing], self._steps.resources())
        if made is not None:
            self._open = [proof for proof in found.values() if proof.status != ISSUED]
            self._tell(self._open)
        return made

    def tell(self) -> None:
        """Tell which records prove the certificates that are there and not issued; nothing is made."""
        waiting, resources = self._waiting()
        self._tell(_proofs(waiting, resources).values())

    def wait(self, seconds: float) -> None:
        """Wait until ACM has issued those that were told of.

        Arguments:
            seconds: how long.

        Raises:
            GroundsillError: GS3044 where records are missing by then, GS3045 where ACM refuses a certificate.
        """
        if self._open:
            self._steps.run("validation", lambda: _proven(self._steps, self._open, seconds))

    def telling(self) -> Deployment:
        """The stage, whose apply tells of each certificate that it makes itself: for a saved plan, and for other names."""
        about, awaited = self._steps.about, {item.address: item for item in self._awaited}
        if not awaited:
            return about

        def follow(event: Event) -> None:
            if about.on_event:
                about.on_event(event)
            address = base_address(event.address)
            if event.kind == "resource_done" and event.action == "create" and address in awaited and event.resource_id:
                domain = next(iter(awaited[address].names), address)
                self._prove([asked(Proof(address, event.resource_id, domain, ()))])

        return replace(about, on_event=follow)

    def _waiting(self) -> tuple[list[AwaitedCertificate], list[dict[str, Any]]]:
        """Those that are not validated as far as the state knows, and its resources."""
        if not self._awaited:
            return [], []
        resources = self._steps.resources()
        there = {str(item["address"]) for item in resources}
        return [item for item in self._awaited if not set(item.validations) <= there], resources

    def _tell(self, found: Iterable[Proof]) -> None:
        found = list(found)
        _refuse_failed(self._steps.about.graph, found)
        self._prove(found)

    def _prove(self, found: Iterable[Proof]) -> None:
        for proof in found:
            if proof.status != ISSUED:
                self._steps.talk.prove(proof)


def _proofs(awaited: Sequence[AwaitedCertificate], resources: Sequence[Mapping[str, Any]]) -> dict[str, Proof]:
    known = {item.address: proof_in_state(resources, item) for item in awaited}
    return {address: asked(proof) for address, proof in known.items() if proof is not None}


def _refuse_failed(graph: Graph, proofs: Sequence[Proof]) -> None:
    failed = [proof for proof in proofs if proof.status in REFUSED]
    if failed:
        raise GroundsillError([
            Diagnostic(
                "GS3045", f"AWS does not issue the certificate of {proof.domain}",
                graph[proof.address].location, graph[proof.address].subject,
                detail=f"{proof.arn} is {proof.status}" + (f": {proof.reason}" if proof.reason else ""),
                mend="mend the cause (AWS Certificate Manager User Guide, \"Troubleshooting\"), delete that certificate in ACM "
                     "and run the same command again: it asks for a new one",
            ) for proof in failed
        ])


def _proven(steps: Steps, proofs: Sequence[Proof], seconds: float) -> str:
    """Until ACM has issued every certificate; in words how that ended."""
    talk, deadline = steps.talk, time.monotonic() + seconds
    told, told_at = "", 0.0
    while True:
        now = [asked(proof) for proof in proofs]
        _refuse_failed(steps.about.graph, now)
        open_ones = [proof for proof in now if proof.status != ISSUED]
        if not open_ones:
            return f"issued: {', '.join(proof.domain for proof in now)}"
        found = {record: record.is_found for proof in open_ones for record in proof.records}
        all_found = all(found.values())
        if all(not proof.status for proof in open_ones) and (all_found or None in found.values()):
            talk.say("ACM cannot be asked, so Terraform waits for it.")
            return "records found" if all_found else "not known"
        left = deadline - time.monotonic()
        words = _progress(open_ones, found)
        if words != told or time.monotonic() - told_at >= _QUIET:
            talk.say(f"{words}; waiting for {max(left, 0):.0f} s more.")
            told, told_at = words, time.monotonic()
        if left < _PAUSE:
            if all_found:
                talk.say("Every record is found and ACM has not looked yet: the rest is made meanwhile.")
                return "records found"
            raise GroundsillError([_not_proven(steps.about.graph, proof, found) for proof in open_ones])
        time.sleep(_PAUSE)


def _progress(proofs: Sequence[Proof], found: Mapping[ValidationRecord, bool | None]) -> str:
    there = sum(state is True for state in found.values())
    seen = "no DNS resolver answers here" if None in found.values() else f"{there} of {len(found)} records found"
    states = ", ".join(f"{proof.domain} is {proof.status or 'not known'}" for proof in proofs)
    return f"{states} ({seen})"


def _not_proven(graph: Graph, proof: Proof, found: Mapping[ValidationRecord, bool | None]) -> Diagnostic:
    state = {True: "found", False: "not found", None: "not known"}
    resource = graph[proof.address]
    return Diagnostic(
        "GS3044", f"nothing proves to AWS yet that {proof.domain} is yours", resource.location, resource.subject,
        detail="\n".join(f"{item.name} {item.type} {item.value} ({state[found[item]]})" for item in proof.records),
        mend="enter these records where the DNS of the domain is kept and run the same command again: it continues there; "
             "--certificate-seconds waits longer",
    )
