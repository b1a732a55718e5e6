"""What goes wrong in Terraform, in the one form that every error of Groundsill has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from groundsill.graph.diagnostics import Diagnostic, Severity
from groundsill.graph.graph import Graph
from groundsill.terraform.denials import DENIED, explained
from groundsill.terraform.events import Problem
from groundsill.terraform.migrations import failure as migration_failure

_LOCK_FIELD = re.compile(r"^\s*(ID|Path|Operation|Who|Version|Created):[ \t]*(.*?)\s*$", re.MULTILINE)
_PANIC = re.compile(r"(^panic: .*|plugin crashed|Plugin did not respond|TERRAFORM CRASH|OPENTOFU CRASH)", re.MULTILINE)
_PANIC_LINES = 12


@dataclass(frozen=True, slots=True)
class Lock:
    """Who holds a state.

    Arguments:
        id: what ``unlock`` takes.
        who: user and machine, for example ``ana@laptop``.
        operation: what they do, for example ``OperationTypeApply``.
        created: since when, None where it is not said.
    """

    id: str
    who: str = ""
    operation: str = ""
    created: datetime | None = None

    @property
    def words(self) -> str:
        """The lock for people."""
        doing = {"OperationTypeApply": "apply", "OperationTypePlan": "plan"}.get(self.operation, self.operation)
        since = f"since {self.created:%Y-%m-%d %H:%M:%S} UTC ({age(self.created)})" if self.created else ""
        return ", ".join(part for part in (
            f"held by {self.who}" if self.who else "", since, f"for {doing}" if doing else "", f"lock {self.id}",
        ) if part)


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, in one unit.

    Example:
        >>> age(datetime(2026, 1, 1, 10, 0, tzinfo=UTC), datetime(2026, 1, 1, 12, 30, tzinfo=UTC))
        '2 h ago'
    """
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def read_lock(text: str) -> Lock | None:
    """The lock that an error message describes, or None where it describes none."""
    found: dict[str, str] = dict(_LOCK_FIELD.findall(text))
    if not found.get("ID"):
        return None
    return Lock(found["ID"], found.get("Who", ""), found.get("Operation", ""), _moment(found.get("Created", "")))


def _moment(text: str) -> datetime | None:
    # Go writes "2026-11-20 14:31:02.123456789 +0000 UTC".
    match = re.match(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)", text)
    return datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00") if match else None


@dataclass(frozen=True, slots=True)
class _Rule:
    """A known failure: by what it is recognized, and what the user reads."""

    code: str
    pattern: re.Pattern[str]
    summary: str
    mend: str


def _rule(code: str, pattern: str, summary: str, mend: str) -> _Rule:
    return _Rule(code, re.compile(pattern, re.IGNORECASE | re.DOTALL), summary, mend)


# The first that fits counts: what stops everything comes before what may be its consequence.
_RULES = (
    _rule("GS3010", r"no space left on device|disk quota exceeded|ENOSPC", "the disk is full",
          "free some space and run the same command again; what was made is in the state"),
    _rule("GS3005", r"state file (could not be read|is corrupt|has no)|Unsupported state file format"
          r"|state file does not have a \"version\"|does not support state version|snapshot was created by Terraform"
          r"|state data in S3 does not have the expected content|Failed to (load|read) state|invalid character .* state"
          r"|Error (loading|reading) (the )?state|Resource state (corrupted|read error)",
          "the state cannot be read",
          "nothing was changed. An S3 state has earlier versions: restore the newest good one; a local one has "
          "terraform.tfstate.backup beside it"),
    _rule("GS3011", r"Error acquiring the state lock|state (file )?is (already )?locked|ConditionalRequestConflict.*lock",
          "somebody else holds the lock of the state",
          "wait for them and run the same command again; `groundsill state unlock` frees a lock whose owner is gone"),
    _rule("GS3008", r"ExpiredToken|token (included in the request )?(is|has) expired|security token .* expired"
          r"|SSO session .*(expired|invalid)|RequestExpired",
          "the AWS credentials have expired",
          "sign in again (for example `aws sso login`) and run the same command again"),
    _rule("GS3007", r"No valid credential sources|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClientException"
          r"|AuthFailure|security token included in the request is invalid|failed to refresh cached credentials"
          r"|InvalidAccessKeyId|failed to get shared config profile|could not find.*profile",
          "AWS does not accept the credentials, or there are none",
          "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and try `aws sts get-caller-identity`"),
    _rule("GS3018", r"S3 bucket .* does not exist|NoSuchBucket.*backend|error (configuring|loading) .*backend.*NoSuchBucket",
          "the bucket that should hold the state does not exist",
          "run `groundsill bootstrap`, or correct state.toml in the system's folder"),
    _rule("GS3006", r"(backend|state|S3).*(connection refused|no such host|i/o timeout|dial tcp|request send failed"
          r"|network is unreachable|TLS handshake)",
          "the place where the state is kept cannot be reached",
          "nothing was changed; look at the network and at state.toml, and run the same command again"),
    _rule("GS3017", r"Inconsistent dependency lock file|does not match (any of )?the checksums"
          r"|locked provider .* does not match|required by this configuration but no version is selected",
          "the provider is not the one of the lock file",
          "run the command with --upgrade to take the new one on purpose; the file is .terraform.lock.hcl"),
    _rule("GS3004", r"Failed to query available provider packages|Failed to install provider|provider registry"
          r"|Could not retrieve the list of available versions|required plugins are not installed"
          r"|Required plugins are not installed|not available for|there is no package for",
          "the AWS provider cannot be fetched",
          "connect to the internet, or name a folder that holds it: GROUNDSILL_PROVIDER_MIRROR=DIR in the layout of "
          "`terraform providers mirror DIR`"),
    _rule("GS3015", r"Saved plan is stale|plan (file )?(was created|cannot be applied).*different"
          r"|Failed to (load|read) .*plan|not (a )?valid plan file|Invalid plan file|zip: not a valid zip file",
          "the saved plan cannot be applied any more",
          "the state has changed since it was made, or it is no plan: make a new one with `groundsill plan --save FILE`"),
    _rule(DENIED, r"AccessDenied|UnauthorizedOperation|is not authorized to perform|AuthorizationError",
          "AWS refuses this to the credentials in use",
          "give the deploying role the action that is named above; the definition's Deployer component prints the policy"),
    _rule("GS3019", r"No value for (required )?variable|Value for undeclared variable|Invalid value for (input )?variable",
          "a variable has no value that fits", "set TF_VAR_<name> in the environment; it appears in no file"),
    _rule("GS3021", r"Instance cannot be destroyed|prevent_destroy|deletion protection|DeletionProtection"
          r"|OperationNotPermitted.*protect|currently has termination protection",
          "a resource is protected from being destroyed",
          "take the protection away in the definition, deploy, and try again"),
    _rule("GS3036", r"BucketNotEmpty|RepositoryNotEmpty|HostedZoneNotEmpty|vault .*(contains|not empty)|is not empty",
          "AWS does not delete it while something is in it",
          "look at what is in it; `groundsill destroy --empty` deletes it with all of that"),
    _rule("GS3037", r"DependencyViolation|has a dependent object|ResourceInUse|is (currently )?in use by|DeleteConflict"
          r"|must (first )?(be )?(detach|remove)",
          "AWS does not delete it while something else uses it",
          "what uses it is not in this state: find it by the name above, remove it, and run the same command again"),
    _rule("GS3020", r"Ambiguous move|Moved object still exists|Cross-package move|Redundant move",
          "a rename does not fit what is there",
          "`formerly` names the component's name before the rename, and no component may still have that name"),
)


def diagnose(problem: Problem, graph: Graph | None = None, *, subject: Callable[[str], str] | None = None) -> Diagnostic:
    """One of Terraform's diagnostics as one of ours, at the line of the component that it is about.

    Arguments:
        problem: as Terraform worded it.
        graph: tells which component an address belongs to.
        subject: words for an address that the graph does not know.
    """
    if not problem.error:
        return _placed(Diagnostic("GS3013", problem.summary, detail=problem.detail, severity=Severity.WARNING),
                       problem, graph)
    if _PANIC.search(problem.text):
        return _placed(_crash(problem.text), problem, graph)
    failed = migration_failure(problem)
    if failed is not None:
        return _placed(failed, problem, graph)
    for rule in _RULES:
        if rule.pattern.search(problem.text):
            return _placed(_known(rule, problem), problem, graph)
    if problem.address:
        found = Diagnostic(
            "GS3012", f"{problem.address} could not be changed as planned", detail=problem.text,
            mend="what was made before it is kept; mend the cause and run the same command again, it continues there",
        )
        return _placed(found, problem, graph)
    detail = problem.detail + (f"\n({problem.place})" if problem.place else "")
    return Diagnostic("GS3013", f"Terraform: {problem.summary}", detail=detail.strip())


def _known(rule: _Rule, problem: Problem) -> Diagnostic:
    detail = problem.text
    mend = rule.mend
    if rule.code == "GS3011":
        lock = read_lock(problem.text)
        if lock is not None:
            detail = lock.words
            mend = (f"wait for them and run the same command again; if they are gone for good, "
                    f"`groundsill state unlock --lock {lock.id}` frees it")
    found = Diagnostic(rule.code, rule.summary, detail=detail, mend=mend)
    return explained(found, problem.text) if rule.code == DENIED else found


def _crash(text: str) -> Diagnostic:
    match = _PANIC.search(text)
    lines = text[match.start() if match else 0:].splitlines()[:_PANIC_LINES]
    return Diagnostic(
        "GS3009", "the AWS provider or Terraform itself has crashed", detail="\n".join(lines),
        mend="what was made before is in the state: run the same command again; if it crashes again, report the text "
             "above to the provider's project",
    )


def _placed(found: Diagnostic, problem: Problem, graph: Graph | None) -> Diagnostic:
    address = base_address(problem.address)
    if graph is None or address not in graph:
        where = f"{problem.address}" if problem.address and problem.address not in found.summary else ""
        detail = "\n".join(part for part in (where, found.detail) if part)
        return Diagnostic(found.code, found.summary, None, "", detail, found.mend, found.severity)
    resource = graph[address]
    detail = found.detail if problem.address in found.summary else f"{problem.address}: {found.detail}"
    return Diagnostic(
        found.code, found.summary, resource.location, resource.subject, detail, found.mend, found.severity,
    )


def base_address(address: str) -> str:
    """An address without the key of one instance.

    Example:
        >>> base_address('aws_subnet.private["a"]')
        'aws_subnet.private'
    """
    return address.partition("[")[0]


def failures(problems: Iterable[Problem], errors: str, code: int, command: str,
             graph: Graph | None = None) -> list[Diagnostic]:
    """Everything that a failed run of Terraform said, each thing once.

    Arguments:
        problems: the errors of its stream.
        errors: what it wrote to standard error.
        code: its exit code.
        command: its name, for example ``apply``.
        graph: tells which component an address belongs to.
    """
    found: dict[tuple[str, str, str], Diagnostic] = {}
    if _PANIC.search(errors):
        found["crash", "", ""] = _crash(errors)
    for problem in problems:
        if problem.error:
            diagnostic = diagnose(problem, graph)
            if diagnostic.code == "GS3009" and ("crash", "", "") in found:
                continue
            found.setdefault((diagnostic.code, diagnostic.summary, diagnostic.detail), diagnostic)
    if not found:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        words = "\n".join(errors.strip().splitlines()[-_PANIC_LINES:])
        found["", "", ""] = diagnose(Problem(f"`terraform {command}` ended with {how}", words))
    return list(found.values())


COUNTS: Mapping[str, str] = {"create": "made", "update": "changed", "replace": "replaced", "destroy": "destroyed"}
"""Words for what has been done."""
