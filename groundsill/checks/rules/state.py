"""Where Terraform keeps what it knows, as a folder of ``.tf`` files says; and what an apply does beside AWS."""

from __future__ import annotations

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Found, Ruleset, Severity
from groundsill.checks.values import text, truth
from groundsill.graph.provider import StatePlace
from groundsill.graph.provisioner import runs_task

RULES = Ruleset(Family.DEPLOYS)
_COMMANDS = ("local-exec", "remote-exec", "file")


def _s3(context: Context) -> StatePlace | None:
    """A backend in a bucket that is written out; where ``init`` is given the rest, nobody can see here what it says."""
    state = context.graph.state
    whole = state is not None and state.kind == "s3" and {"bucket", "key"} <= state.arguments.keys()
    return state if whole else None


@RULES.rule(
    "state-on-one-machine", Severity.MEDIUM, "the state is kept on the machine that Terraform runs on",
    rationale="Without a backend the state is a file beside the configuration: whoever else applies makes everything a second "
              "time, and with the file what was made is lost track of (Terraform documentation, \"Backend block configuration "
              "overview\").",
    mend="add a backend block: an S3 bucket with versioning, encrypt = true and use_lockfile = true",
    example="a folder with a provider and without terraform { backend ... }",
)
def local(context: Context) -> Found:
    state = context.graph.state
    if state is None or state.above is not None or not state.root:
        return
    if state.kind in ("", "local") and context.graph.resources:
        yield Finding(None, "the backend is `local`" if state.kind else "no file has a backend block", place=state.location)


@RULES.rule(
    "backend-above-its-root", Severity.HIGH, "the backend is written in a folder that Terraform does not read",
    rationale="Terraform reads the files of the folder that it runs in and of no folder above: the state is then kept on "
              "the machine, silently (Terraform documentation, \"Files and configuration structure\").",
    mend="write the backend into this folder",
    example="live/versions.tf with a backend, live/dev/main.tf without one",
)
def above(context: Context) -> Found:
    state = context.graph.state
    if state is not None and state.above is not None and context.graph.resources:
        yield Finding(None, "it is in a folder above, and no file here has a backend block", place=state.above)


@RULES.rule(
    "state-without-lock", Severity.HIGH, "two people can apply at the same time",
    rationale="Terraform locks a state in S3 only where it is told to; two applies at once overwrite each other's state, and "
              "what one of them made is forgotten (Terraform documentation, \"Backend Type: s3\", State Locking).",
    mend="set use_lockfile = true (Terraform 1.11 or newer)",
    example='backend "s3" without use_lockfile',
)
def unlocked(context: Context) -> Found:
    state = _s3(context)
    if state is not None and truth(state.arguments.get("use_lockfile"), default=False) is False \
            and "dynamodb_table" not in state.arguments:
        yield Finding(None, "the backend has no use_lockfile", place=state.location)


@RULES.rule(
    "state-lock-in-a-table", Severity.LOW, "the state's lock is in a DynamoDB table, which Terraform gives up",
    rationale="Locks in DynamoDB are deprecated since Terraform 1.11 and go with a later version; S3 holds the lock itself "
              "(Terraform documentation, \"Backend Type: s3\", State Locking).",
    mend="set use_lockfile = true, and take dynamodb_table and the table away once nobody uses an older Terraform",
    example='backend "s3" with dynamodb_table = "terraform-state-lock"',
)
def table(context: Context) -> Found:
    state = _s3(context)
    if state is not None and "dynamodb_table" in state.arguments and truth(state.arguments.get("use_lockfile")) is not True:
        yield Finding(None, f"the backend names {text(state.arguments['dynamodb_table'])!r}", place=state.location)
    for resource in context.of_type("aws_dynamodb_table"):
        if context.view.get(resource, "hash_key") == "LockID":
            yield Finding(resource, "its key is LockID, as Terraform's lock table has it", attribute="hash_key")


@RULES.rule(
    "state-not-encrypted", Severity.LOW, "the state is not encrypted by the one who writes it",
    rationale="The state holds every value, passwords too. With encrypt = true Terraform asks for encryption at each write, "
              "whatever the bucket's default is (Terraform documentation, \"Backend Type: s3\").",
    mend="set encrypt = true",
    example='backend "s3" without encrypt',
)
def clear(context: Context) -> Found:
    state = _s3(context)
    if state is not None and truth(state.arguments.get("encrypt"), default=False) is False:
        yield Finding(None, "the backend has no encrypt", place=state.location)


@RULES.rule(
    "state-shared-by-stages", Severity.HIGH, "stages share one state",
    rationale="The file with values decides the stage, and all of them are kept under one key: an apply with the values of one "
              "stage changes or replaces the resources of another.",
    mend="a key for each stage: leave `key` away and give it at init (-backend-config), or use workspaces",
    example='key = "terraform.tfstate", dev.tfvars and prod.tfvars beside it',
)
def shared(context: Context) -> Found:
    state = _s3(context)
    if state is not None and len(state.stages) > 1 and not state.workspaces:
        yield Finding(None, f"{' and '.join(state.stages)} are applied to the one key {text(state.arguments['key'])!r}",
                      place=state.location)


@RULES.rule(
    "apply-runs-commands", Severity.MEDIUM, "an apply runs commands that no plan shows",
    rationale="What a provisioner does is in no plan and in no state: it depends on the machine, it is not done again when its "
              "files change, and where it fails the resource is tainted half-way (Terraform documentation, \"Provisioners\").",
    mend="build and push before the apply, and pass the result, such as an image's digest, as a variable",
    example='null_resource with provisioner "local-exec" { command = "docker build ..." }',
)
def commands(context: Context) -> Found:
    for resource in context.graph:
        kinds = [kind for kind in dict.fromkeys(item.kind for item in resource.provisioners) if kind in _COMMANDS]
        # A migration's run of a task is in the plan, waits for the task's end, and is tainted on purpose where it fails.
        if kinds and not runs_task(resource):
            yield Finding(resource, f"it has {' and '.join(kinds)}", attribute="provisioner")
