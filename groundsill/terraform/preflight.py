"""Whose credentials these are, asked before anything is built or planned: a wrong account is found out by nothing later.

Source: AWS STS API Reference, "GetCallerIdentity", which needs no right; Terraform documentation, "Backend Type: s3",
allowed_account_ids and forbidden_account_ids.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.graph.shapes import is_list
from groundsill.terraform.aws_calls import AwsCalls
from groundsill.terraform.backend import FILE_NAME, Backend
from groundsill.terraform.events import Problem
from groundsill.terraform.failures import diagnose

EXPIRATION = "AWS_CREDENTIAL_EXPIRATION"
"""When temporary credentials end, ISO 8601. Source: AWS CLI Command Reference, "aws configure export-credentials"."""
_SHORT = timedelta(minutes=15)
_SECONDS = 10.0
# What AWS says of credentials themselves; anything else (no network, a proxy) is left to Terraform, which says it better.
_REFUSED = re.compile(r"ExpiredToken|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClientException|IncompleteSignature"
                      r"|RequestExpired|Unable to locate credentials|NoCredentials|ProfileNotFound|could not be found"
                      r"|SSO session .*(expired|invalid)|Error when retrieving token", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever the credentials belong to.

    Arguments:
        account: AWS account, 12 digits; empty where AWS could not be asked.
        arn: of the user or the session; empty where AWS could not be asked.
        ends: when the credentials end; None where nobody said.
        unasked: why AWS could not be asked; empty where it was.
    """

    account: str = ""
    arn: str = ""
    ends: datetime | None = None
    unasked: str = ""

    @property
    def words(self) -> str:
        """The caller for people."""
        if self.unasked:
            return f"not asked: {self.unasked}"
        left = f", for {_minutes(self.ends)} more" if self.ends is not None else ""
        return f"account {self.account}, {self.arn.rpartition(':')[2]}{left}"


def caller(region: str, backend: Backend, environment: Mapping[str, str] | None = None,
           now: datetime | None = None) -> Caller:
    """Ask AWS whose credentials these are, and refuse those that cannot be right.

    Arguments:
        region: of the stage.
        backend: place of its state; its ``allowed_account_ids`` say which account the stage belongs to.
        environment: where the end of the credentials is looked for; default the process's own.
        now: the time; default now.

    Raises:
        GroundsillError: GS3007 where AWS does not take the credentials, GS3008 where they have ended, GS3035 where they are
            of another account than the stage's.
    """
    ends = _ends(os.environ if environment is None else environment)
    if ends is not None and ends <= (now or datetime.now(UTC)):
        said = f"{EXPIRATION} says that they ended at {ends:%Y-%m-%d %H:%M} UTC"
        raise GroundsillError(diagnose(Problem("ExpiredToken", said)))
    calls = AwsCalls(region, seconds=_SECONDS)
    answer = calls.ask("sts", "get_caller_identity", {})
    if isinstance(answer, str):
        if _REFUSED.search(answer):
            raise GroundsillError(_refused(answer))
        return Caller(ends=ends, unasked=answer.strip().splitlines()[-1] if answer.strip() else "AWS gave no answer")
    found = Caller(str(answer.get("Account", "")), str(answer.get("Arn", "")), ends)
    _check_account(found, backend)
    return found


def warnings(found: Caller, backend: Backend, now: datetime | None = None) -> list[str]:
    """What is not wrong and worth knowing: an end that comes during a deploy, a state of another account.

    Arguments:
        found: who asks.
        backend: place of the state.
        now: the time; default now.
    """
    told: list[str] = []
    if found.ends is not None and found.ends - (now or datetime.now(UTC)) < _SHORT:
        told.append(f"The credentials end in {_minutes(found.ends, now)}: an apply that takes longer stops half-way, and the "
                    "same command continues it.")
    bucket = str(backend.s3.get("bucket", ""))
    named = re.search(r"(?<!\d)(\d{12})(?!\d)", bucket)
    if found.account and named is not None and named[1] != found.account and not _accounts(backend, "allowed"):
        told.append(f"The state is in a bucket of account {named[1]}, and these credentials are of {found.account}.")
    return told


def _check_account(found: Caller, backend: Backend) -> None:
    allowed, forbidden = _accounts(backend, "allowed"), _accounts(backend, "forbidden")
    if (allowed and found.account not in allowed) or found.account in forbidden:
        wanted = f"is of {' or '.join(allowed)}" if allowed else f"is of any account but {' and '.join(forbidden)}"
        raise GroundsillError(Diagnostic(
            "GS3035", "these credentials are of another account than the stage", detail=f"{FILE_NAME} says that the stage "
            f"{wanted}; the credentials are of {found.account} ({found.arn})",
            mend=f"choose the stage's account (AWS_PROFILE), or correct allowed_account_ids in {FILE_NAME}",
        ))


def _accounts(backend: Backend, kind: str) -> list[str]:
    value = backend.s3.get(f"{kind}_account_ids")
    return [str(item) for item in value] if is_list(value) else []


def _refused(answer: str) -> Diagnostic:
    # boto3's words for what Terraform says as "No valid credential sources".
    absent = re.search(
        r"Unable to locate|NoCredentials|IncompleteSignature|could not be found|ProfileNotFound", answer, re.IGNORECASE)
    words = f"No valid credential sources: {answer}" if absent else answer
    return diagnose(Problem("Whose credentials these are cannot be told", words.strip()))


def _ends(environment: Mapping[str, str]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(environment.get(EXPIRATION, ""))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _minutes(moment: datetime, now: datetime | None = None) -> str:
    minutes = max(0, int((moment - (now or datetime.now(UTC))).total_seconds()) // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
