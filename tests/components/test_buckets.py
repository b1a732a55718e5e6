"""Buckets: private, encrypted, over TLS alone, and told what happens to old objects."""

from __future__ import annotations

import pytest

from groundsill import Stage
from groundsill import components as c
from tests.component_support import arguments, build, examine


def codes(define) -> set[str]:
    return {item.code for item in examine(define)[1]}


@pytest.mark.parametrize(("stage", "algorithm"), [("dev", "AES256"), ("prod", "AES256"), ("lab", "aws:kms")])
def test_a_bucket_is_closed_and_encrypted_in_every_tier(stage: str, algorithm: str) -> None:
    graph = build(lambda _: c.Bucket("files"), stage)
    (block,) = map(arguments, graph.of_type("aws_s3_bucket_public_access_block"))
    assert all(value for name, value in block.items() if name != "bucket")
    (encryption,) = map(arguments, graph.of_type("aws_s3_bucket_server_side_encryption_configuration"))
    (rule,) = encryption["rule"]
    assert rule["apply_server_side_encryption_by_default"][0]["sse_algorithm"] == algorithm
    (policy,) = map(arguments, graph.of_type("aws_s3_bucket_policy"))
    (statement,) = policy["policy"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_names_are_unique_in_the_world_and_within_s3s_limit() -> None:
    graph = build(lambda _: (c.Bucket("a" * 64), c.Bucket("own", name="Own_Name"), c.Bucket("any", random_suffix=True)))
    named = {resource.name: arguments(resource) for resource in graph.of_type("aws_s3_bucket")}
    long = named["a" * 64]["bucket"]
    account = "${data.aws_caller_identity.current.account_id}"
    assert long.endswith(f"-{account}")
    assert len(long) - len(account) + 12 <= 63
    assert named["own"]["bucket"] == "own-name"
    assert named["any"]["bucket_prefix"] == "shop-dev-any-"


def test_data_of_production_is_versioned_and_not_swept_away() -> None:
    for stage, kept in {"dev": False, "prod": True}.items():
        graph = build(lambda _: c.Bucket("files"), stage)
        (version,) = map(arguments, graph.of_type("aws_s3_bucket_versioning"))
        assert version["versioning_configuration"] == [{"status": "Enabled" if kept else "Suspended"}]
        assert graph["aws_s3_bucket.files"].arguments["force_destroy"] is not kept


def test_verbs_give_objects_and_keys_and_nothing_else() -> None:
    def define(_: Stage) -> None:
        files = c.Bucket("files")
        c.Function("reader", "functions.read:handle", uses=[files.read])
        c.Function("writer", "functions.write:handle", uses=[files.write])

    graph = build(define)
    held = {resource.name: {action for statement in arguments(resource)["policy"]["Statement"] for action in statement["Action"]
                            if action.startswith("s3:")} for resource in graph.of_type("aws_iam_role_policy")}
    assert held == {"reader": {"s3:GetObject", "s3:ListBucket"},
                    "writer": {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"}}
    assert arguments(graph["aws_lambda_function.reader"])["environment"][0]["variables"] == {
        "FILES_BUCKET": "${aws_s3_bucket.files.bucket}"}


def test_a_service_that_is_let_in_comes_beside_the_refusal_of_plain_http() -> None:
    def define(_: Stage) -> None:
        logs = c.Bucket("logs")
        logs.allow("Trail", "cloudtrail.amazonaws.com", ["s3:PutObject"], prefix="trail/")
        logs.allow("Look", "cloudtrail.amazonaws.com", ["s3:GetBucketAcl"], bucket=True)

    (policy,) = map(arguments, build(define).of_type("aws_s3_bucket_policy"))
    refused, put, look = policy["policy"]["Statement"]
    assert refused["Effect"] == "Deny"
    assert put["Resource"] == "${aws_s3_bucket.logs.arn}/trail/*"
    assert look["Resource"] == "${aws_s3_bucket.logs.arn}"


@pytest.mark.parametrize(("code", "define"), [
    ("GS1500", lambda _: c.Bucket("b", name="n", random_suffix=True)),
    ("GS1501", lambda _: c.Bucket("b", lifecycle=[c.LifecycleRule("r", move={"GLACEIR": 90})])),
    ("GS1502", lambda _: c.Bucket("b", lifecycle=[c.LifecycleRule("r", move={"STANDARD_IA": 7})])),
    ("GS1503", lambda _: c.Bucket("b", lifecycle=[c.LifecycleRule("r", move={"GLACIER": 90}, expire=90)])),
    ("GS1504", lambda _: c.Bucket("b", versioning=False, lifecycle=[c.LifecycleRule("r", old_versions=30)])),
    ("GS1505", lambda _: c.Bucket("b", cors=c.Cors(["*"], methods=["PATCH"]))),
])
def test_what_s3_would_refuse_is_refused_at_once(code: str, define) -> None:
    assert codes(define) == {code}
