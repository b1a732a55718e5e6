"""The bucket that keeps the states of every system and stage of an account, and a role for deploys from CI.

Terraform makes both, and keeps what it knows of them in the same bucket. Run again anywhere, it finds them: the bucket's
name follows from account and region, and what exists without being known is taken over.

Earlier versions of a state are kept for good: they are small, and the way back from a mistake. Who read or wrote a state is
recorded in a bucket beside it for a year.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundsill.aws.schema import schema_file
from groundsill.graph.diagnostics import Diagnostic, GroundsillError
from groundsill.terraform.backend import LOCAL_STATE, has_resources
from groundsill.terraform.changes import PlanSummary
from groundsill.terraform.deployment import plan_file
from groundsill.terraform.engine import ApplySummary, Engine, EngineError
from groundsill.terraform.events import OnEvent

KEY = "groundsill/bootstrap.tfstate"
"""Key of the state of the bucket itself."""
_ISSUER = "token.actions.githubusercontent.com"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_LONGEST_BUCKET, _LOGS, _LOG_DAYS = 63, "-logs", 365
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_NO_BUCKET = re.compile(r"does not exist|NoSuchBucket|NotFound|StatusCode: 404", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted.

    Arguments:
        region: region of the bucket.
        bucket: its name; default ``groundsill-state-<account>-<region>``.
        repository: ``owner/name`` of the GitHub repository whose workflows may deploy; None for no role.
        role_policies: ARNs of policies of the role, beside what the state needs.
        backend: further arguments of Terraform's S3 backend, for a bucket elsewhere than on AWS.
    """

    region: str
    bucket: str | None = None
    repository: str | None = None
    role_policies: tuple[str, ...] = ()
    backend: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """What is there now.

    Arguments:
        bucket: name of the bucket.
        account: AWS account.
        role: ARN of the role, empty where none was wanted.
        changed: whether anything was made or changed.
    """

    bucket: str
    account: str
    role: str
    changed: bool


def check(wish: Wish) -> None:
    """Refuse what AWS would refuse.

    Raises:
        GroundsillError: GS3032 with why.
    """
    if wish.bucket is not None and not _BUCKET.fullmatch(wish.bucket):
        # Amazon S3 User Guide, "General purpose bucket naming rules"; dots are left out: TLS names do not allow them.
        raise _refused(f"{wish.bucket!r} cannot be the name of a bucket",
                       "3 to 63 lower-case letters, digits and hyphens")
    if wish.repository is not None and not _REPOSITORY.fullmatch(wish.repository):
        raise _refused(f"{wish.repository!r} is not a GitHub repository", "write owner/name")


def _refused(summary: str, mend: str) -> GroundsillError:
    return GroundsillError(Diagnostic("GS3032", summary, mend=mend))


def bootstrap(
    engine: Engine, directory: Path, wish: Wish, *, agrees: Callable[[PlanSummary], bool] | None = None,
    on_event: OnEvent | None = None,
) -> Bootstrapped | None:
    """Make the bucket and the role, or find that they are there.

    Arguments:
        engine: Terraform.
        directory: folder of its configuration; may be empty or gone at any time.
        wish: what is wanted.
        agrees: asked before anything is changed.
        on_event: called with each event.

    Returns:
        What is there now; None where it was not agreed to.

    Raises:
        GroundsillError: with the cause; the same command continues.
    """
    check(wish)
    directory.mkdir(parents=True, exist_ok=True)
    account = _account(engine, directory / "account", wish)
    bucket = wish.bucket or f"groundsill-state-{account}-{wish.region}"
    known_here = has_resources(directory / LOCAL_STATE)
    backend = {"bucket": bucket, "region": wish.region, "key": KEY, "encrypt": True, "use_lockfile": True, **wish.backend}
    exists = False if known_here else _connects(engine, directory, wish, bucket, backend, on_event)
    if not exists:
        _write(directory, configuration(wish, bucket))
        engine.init(directory, reconfigure=True, on_event=on_event)
    elif not engine.state_list(directory):
        # Killed between making it and moving the state, on a machine that is gone; or somebody made it by hand.
        logs = _connects(engine, directory, wish, bucket, {**backend, "bucket": logs_of(bucket)}, on_event)
        _write(directory, configuration(wish, bucket, backend=backend, adopt=(bucket, logs_of(bucket)) if logs else (bucket,)))
        engine.init(directory, reconfigure=True, on_event=on_event)
    with plan_file() as file:
        plan = engine.plan(directory, out=file, on_event=on_event)
        done: ApplySummary | None = None
        if plan.has_changes:
            if agrees is not None and not agrees(plan):
                return None
            done = engine.apply(directory, file, on_event=on_event)
    if not exists:
        _write(directory, configuration(wish, bucket, backend=backend))
        engine.init(directory, migrate=True, on_event=on_event)
        (directory / LOCAL_STATE).unlink(missing_ok=True)
        (directory / f"{LOCAL_STATE}.backup").unlink(missing_ok=True)
    role = engine.output(directory).get("role", {}).get("value") or ""
    return Bootstrapped(bucket, account, str(role), done is not None and bool(done.resources))


def _account(engine: Engine, directory: Path, wish: Wish) -> str:
    """The account that the credentials belong to: asked through the provider, so with exactly its credentials."""
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory, {**_head(wish), "data": {"aws_caller_identity": {"me": {}}},
                       "output": {"account": {"value": "${data.aws_caller_identity.me.account_id}"}}})
    engine.init(directory, reconfigure=True)
    with plan_file() as file:
        plan = engine.plan(directory, out=file)
        if plan.has_changes:
            engine.apply(directory, file)
    return str(engine.output(directory)["account"]["value"])


def _connects(engine: Engine, directory: Path, wish: Wish, bucket: str, backend: Mapping[str, Any],
              on_event: OnEvent | None) -> bool:
    """Connect to the bucket; False where there is none yet."""
    _write(directory, configuration(wish, bucket, backend=backend))
    try:
        engine.init(directory, reconfigure=True, on_event=on_event)
        engine.state_list(directory)
    except EngineError as error:
        if any(_NO_BUCKET.search(problem.text) for problem in error.problems):
            return False
        raise
    return True


def _head(wish: Wish, backend: Mapping[str, Any] | None = None) -> dict[str, Any]:
    required = {"aws": {"source": "hashicorp/aws", "version": schema_file().provider_version}}
    terraform: dict[str, Any] = {"required_providers": required}
    if backend:
        terraform["backend"] = {"s3": dict(backend)}
    tags = {"ManagedBy": "groundsill", "System": "groundsill"}
    return {"terraform": terraform, "provider": {"aws": [{"region": wish.region, "default_tags": [{"tags": tags}]}]}}


def logs_of(bucket: str) -> str:
    """Name of the bucket that records who read or wrote a state.

    Arguments:
        bucket: name of the bucket of states, at most 63 characters as every bucket's.
    """
    return f"{bucket[:_LONGEST_BUCKET - len(_LOGS)]}{_LOGS}"


def configuration(
    wish: Wish, bucket: str, *, backend: Mapping[str, Any] | None = None, adopt: Sequence[str] = (),
) -> dict[str, Any]:
    """The Terraform configuration of the bucket and the role.

    Arguments:
        wish: what is wanted.
        bucket: name of the bucket.
        backend: arguments of the S3 backend; None for a file on this machine.
        adopt: names of the buckets that exist and only have to be taken over.
    """
    buckets = {"state": bucket, "logs": logs_of(bucket)}
    resources: dict[str, Any] = {
        "aws_s3_bucket": {"state": {"bucket": bucket, "lifecycle": {"prevent_destroy": True}},
                          "logs": {"bucket": buckets["logs"]}},
        "aws_s3_bucket_versioning": {"state": {
            "bucket": "${aws_s3_bucket.state.id}", "versioning_configuration": {"status": "Enabled"}}},
        "aws_s3_bucket_server_side_encryption_configuration": {part: {"bucket": f"${{aws_s3_bucket.{part}.id}}", "rule": [
            {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]} for part in buckets},
        "aws_s3_bucket_public_access_block": {part: {
            "bucket": f"${{aws_s3_bucket.{part}.id}}", "block_public_acls": True, "block_public_policy": True,
            "ignore_public_acls": True, "restrict_public_buckets": True} for part in buckets},
        "aws_s3_bucket_policy": {part: {
            "bucket": f"${{aws_s3_bucket.{part}.id}}", "policy": json.dumps(_policy(name, part, bucket)),
            "depends_on": [f"aws_s3_bucket_public_access_block.{part}"]} for part, name in buckets.items()},
        "aws_s3_bucket_lifecycle_configuration": {"logs": {
            "bucket": "${aws_s3_bucket.logs.id}", "transition_default_minimum_object_size": "all_storage_classes_128K",
            "rule": [{"id": "old", "status": "Enabled", "filter": [{"prefix": ""}],
                      "expiration": [{"days": _LOG_DAYS}]}]}},
        "aws_s3_bucket_logging": {"state": {
            "bucket": "${aws_s3_bucket.state.id}", "target_bucket": "${aws_s3_bucket.logs.id}", "target_prefix": "state/",
            "depends_on": ["aws_s3_bucket_policy.logs"]}},
    }
    found = {**_head(wish, backend), "resource": resources,
             "output": {"bucket": {"value": bucket}}}
    if wish.repository:
        resources |= _role(wish, bucket)
        found["output"]["role"] = {"value": "${aws_iam_role.deploy.arn}"}
    if adopt:
        found["import"] = [{"to": f"aws_s3_bucket.{part}", "id": name} for part, name in buckets.items() if name in adopt]
    return found


def _policy(name: str, part: str, bucket: str) -> dict[str, Any]:
    """The policy of a bucket: nothing in the clear; and S3 writes what it records into the one for that.

    Source: Amazon S3 user guide, "Enabling Amazon S3 server access logging".
    """
    statements: list[dict[str, Any]] = [{
        "Sid": "OnlyEncryptedConnections", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]
    if part == "logs":
        statements.append({
            "Sid": "RecordsOfAccess", "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/state/*",
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}}})
    return {"Version": "2012-10-17", "Statement": statements}


def _role(wish: Wish, bucket: str) -> dict[str, Any]:
    """A role that workflows of one repository can take without any key.

    Source: GitHub documentation, "Configuring OpenID Connect in Amazon Web Services".
    """
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": "${aws_iam_openid_connect_provider.github.arn}"},
        "Condition": {"StringEquals": {f"{_ISSUER}:aud": "sts.amazonaws.com"},
                      "StringLike": {f"{_ISSUER}:sub": f"repo:{wish.repository}:*"}}}]}
    state = {"Version": "2012-10-17", "Statement": [
        {"Sid": "FindState", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"},
        {"Sid": "KeepState", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
         "Resource": f"arn:aws:s3:::{bucket}/*"},
        {"Sid": "FreeLock", "Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/*.tflock"}]}
    found: dict[str, Any] = {
        "aws_iam_openid_connect_provider": {"github": {
            "url": f"https://{_ISSUER}", "client_id_list": ["sts.amazonaws.com"]}},
        "aws_iam_role": {"deploy": {
            "name": f"groundsill-deploy-{str(wish.repository).replace('/', '-')}"[:64],
            "description": f"Deploys of {wish.repository} from GitHub", "assume_role_policy": json.dumps(trust)}},
        "aws_iam_role_policy": {"state": {"name": "state", "role": "${aws_iam_role.deploy.id}", "policy": json.dumps(state)}},
    }
    if wish.role_policies:
        found["aws_iam_role_policy_attachment"] = {
            f"further_{number}": {"role": "${aws_iam_role.deploy.name}", "policy_arn": arn}
            for number, arn in enumerate(wish.role_policies)
        }
    return found


def _write(directory: Path, content: Mapping[str, Any]) -> None:
    path = directory / "main.tf.json"
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    beside.replace(path)
