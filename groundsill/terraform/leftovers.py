"""What a destroy has left: what AWS refused to delete, what waits for that, and what AWS itself keeps for a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundsill.graph.graph import Graph
from groundsill.graph.source import SourceLocation
from groundsill.terraform.events import Problem
from groundsill.terraform.failures import base_address, diagnose
from groundsill.terraform.state import kept_objects, state_dependencies

_NOT_ITS_TURN = "its turn did not come"


@dataclass(frozen=True, slots=True)
class Leftover:
    """A resource that a destroy has left.

    Arguments:
        address: Terraform address.
        resource_id: what AWS calls it.
        why: what kept it.
        answer: what AWS answered, empty where it was not asked.
        blocked_by: address of the resource that needs it and is still there, empty where AWS refused it itself.
        mend: what to do, empty where it goes with the one that it waits for.
        subject: what the user wrote, for example ``Table("orders")``; empty for what is not in the definition any more.
        location: line in the user's file.
    """

    address: str
    resource_id: str
    why: str
    answer: str = ""
    blocked_by: str = ""
    mend: str = ""
    subject: str = ""
    location: SourceLocation | None = None

    def to_dict(self, folder: Path) -> dict[str, Any]:
        """The leftover for ``--json``."""
        return {
            "address": self.address, "id": self.resource_id or None, "why": self.why, "answer": self.answer or None,
            "blocked_by": self.blocked_by or None, "mend": self.mend or None, "subject": self.subject or None,
            "file": self.location.relative_to(folder).rpartition(":")[0] if self.location else None,
            "line": self.location.line if self.location else None,
        }


def leftovers(state: Mapping[str, Any], graph: Graph, problems: Iterable[Problem] = ()) -> list[Leftover]:
    """What a state still has after a destroy, and why; what AWS refused comes first.

    Arguments:
        state: as it is kept (``terraform state pull``).
        graph: tells which component an address belongs to.
        problems: what the destroy ended with.
    """
    refused = {problem.address: problem for problem in problems if problem.error and problem.address}
    needs = state_dependencies(state)
    found: list[Leftover] = []
    for address, values in kept_objects(state).items():
        base = base_address(address)
        resource = graph.resources.get(base)
        place = (resource.subject, resource.location) if resource else ("", None)
        resource_id = str(values.get("id") or values.get("arn") or "")
        if address in refused:
            diagnostic = diagnose(refused[address])
            why = diagnostic.summary if diagnostic.code != "GS3012" else refused[address].summary
            found.append(Leftover(address, resource_id, why, refused[address].text, "", diagnostic.mend, *place))
            continue
        blocking = next((name for name in refused if base in needs.get(base_address(name), ())), "")
        why = f"{blocking} needs it and is still there" if blocking else _NOT_ITS_TURN
        found.append(Leftover(address, resource_id, why, "", blocking, "", *place))
    return sorted(found, key=lambda item: (item.address not in refused, item.address))


@dataclass(frozen=True, slots=True)
class Retained:
    """Something that a destroy leaves in AWS by design, and that Terraform no longer knows.

    Arguments:
        address: where it was.
        what: what stays, and for how long.
    """

    address: str
    what: str

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"address": self.address, "what": self.what}


def retained(state: Mapping[str, Any], destroyed: Iterable[str]) -> list[Retained]:
    """What AWS keeps of the resources that were destroyed.

    Source: AWS KMS, DeletionWindow; AWS Secrets Manager, RecoveryWindowInDays; Amazon RDS, FinalDBSnapshotIdentifier; the
    provider's documentation of ``skip_destroy``.

    Arguments:
        state: as it was kept before the destroy.
        destroyed: addresses.
    """
    objects = kept_objects(state)
    found = ((address, _stays(address.partition(".")[0], objects[address])) for address in destroyed if address in objects)
    return [Retained(address, what) for address, what in found if what]


def _stays(kind: str, values: Mapping[str, Any]) -> str:
    if kind == "aws_kms_key":
        days = values.get("deletion_window_in_days") or 30
        return f"the key can be brought back for {days} days (cancel-key-deletion); it costs nothing meanwhile"
    if kind == "aws_secretsmanager_secret" and values.get("recovery_window_in_days") != 0:
        days = values.get("recovery_window_in_days") or 30
        return f"the secret can be restored for {days} days, and its name is taken until then"
    if kind in ("aws_db_instance", "aws_rds_cluster") and values.get("skip_final_snapshot") is False:
        return f"the snapshot {values.get('final_snapshot_identifier')}, which costs until you delete it"
    if kind == "aws_cloudwatch_log_group" and values.get("skip_destroy"):
        return f"the log group {values.get('name')} with its logs, because of skip_destroy"
    return ""
