"""S3 buckets with all their parts: private, encrypted, reached over TLS alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from groundsill import aws
from groundsill.components.apis import Cors
from groundsill.components.keys import Key, account_id, key_of_tier
from groundsill.components.roles import policy_document, require
from groundsill.definition.component import Collecting, Component, Mistake
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name, shorten
from groundsill.graph import Reference, did_you_mean
from groundsill.graph.value import Value

_LONGEST_NAME, _LONGEST_PREFIX = 63, 37  # Amazon S3: general purpose bucket naming rules; Terraform's bucket_prefix
_ACCOUNT_ID_LENGTH = 12
# Amazon S3 user guide, "Transitioning objects using Amazon S3 Lifecycle": fewest days in S3 Standard before a class.
_FEWEST_DAYS: Mapping[str, int] = {
    "STANDARD_IA": 30, "ONEZONE_IA": 30, "INTELLIGENT_TIERING": 0, "GLACIER_IR": 0, "GLACIER": 0, "DEEP_ARCHIVE": 0,
}
_SMALL_STAY = "all_storage_classes_128K"
_UPLOAD_DAYS = 7
_CORS_METHODS = ("DELETE", "GET", "HEAD", "POST", "PUT")  # Amazon S3 API: CORSRule
_READ = ("s3:GetObject",)
_WRITE = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject")
_NOTHING: Mapping[str, int] = MappingProxyType({})


class LifecycleRule(Value, metaclass=Collecting):
    """What happens to objects as they grow old.

    Arguments:
        name: unique in the bucket.
        prefix: keys that it covers, default all.
        move: days after which objects move to another storage class, by class, for example ``{"STANDARD_IA": 30}``.
            Objects below 128 KB stay where they are: moving them costs more than it saves.
        expire: days after which objects are deleted; default never.
        old_versions: days after which a version that is no longer the current one is deleted; default never.

    Example:
        ``Bucket("logs", lifecycle=[LifecycleRule("old", move={"STANDARD_IA": 30}, expire=365)])``
    """

    __slots__ = ("name", "prefix", "move", "expire", "old_versions")  # noqa: RUF023  in the constructor's order

    def __init__(
        self, name: str, prefix: str = "", move: Mapping[str, int] = _NOTHING, expire: int | None = None,
        old_versions: int | None = None,
    ) -> None:
        self.name: Final = name
        self.prefix: Final = prefix
        self.move: Final = move
        self.expire: Final = expire
        self.old_versions: Final = old_versions


class Bucket(Component):
    """A private S3 bucket: encrypted, closed to the public, over TLS alone, versioned where its data matters.

    Arguments:
        component: unique in the system.
        name: the name that AWS sees. Bucket names are unique in the whole world, so the default is the name from the
            system's name pattern with the account's id behind it.
        random_suffix: let AWS end the name in random characters instead, default no.
        versioning: keep overwritten and deleted objects; default in production and from tier ``standard`` on.
        encryption: a `Key` of the account's own; default the tier's choice.
        served: whether a CDN serves the objects to the public, default no. Such a bucket has S3's own keys in every
            tier, because what everybody may read needs no key of the account's own.
        lifecycle: what happens to objects as they grow old. Uploads that were never finished go after 7 days always.
        cors: web pages that may upload to it and read from it directly; default none.

    Verbs for `uses`: ``read`` (get objects, list keys), ``write`` (put and delete objects), ``read_write``. Each passes
    the bucket's name as ``<NAME>_BUCKET``.

    Resources created: ``aws_s3_bucket``, ``aws_s3_bucket_public_access_block``,
    ``aws_s3_bucket_server_side_encryption_configuration``, ``aws_s3_bucket_versioning``, ``aws_s3_bucket_policy``,
    ``aws_s3_bucket_lifecycle_configuration``; with ``cors`` an ``aws_s3_bucket_cors_configuration``.

    Costs: per stored GB and month, and per request.

    Example:
        ``Bucket("uploads", cors=Cors(["https://app.shop.example"], methods=["PUT"]))``
    """

    def __init__(
        self, component: str, /, *, name: str | None = None, random_suffix: bool = False, versioning: bool | None = None,
        encryption: Key | None = None, served: bool = False, lifecycle: Sequence[LifecycleRule] = (),
        cors: Cors | None = None,
    ) -> None:
        super().__init__(component)
        if name is not None and random_suffix:
            raise Mistake("GS1500", "a bucket has a name of its own or one that ends in random characters, not both",
                          mend="leave out one of `name` and `random_suffix`")
        if encryption is not None:
            require(encryption, Key, "encryption", self)
        self.encryption = encryption or (None if served else key_of_tier())
        kept = self.stage.production or self.stage.tier.point_in_time_recovery
        self.versioned = kept if versioning is None else versioning
        self.resource = aws.s3_bucket(
            self.terraform_name(), force_destroy=not self.stage.production, **self._name(name, random_suffix),
        )
        bucket = self.resource["id"]
        block = aws.s3_bucket_public_access_block(
            self.terraform_name(), bucket=bucket, block_public_acls=True, block_public_policy=True,
            ignore_public_acls=True, restrict_public_buckets=True,
        )
        aws.s3_bucket_server_side_encryption_configuration(
            self.terraform_name(), bucket=bucket,
            rule=[{"apply_server_side_encryption_by_default": {
                "sse_algorithm": "aws:kms" if self.encryption else "AES256",
                "kms_master_key_id": self.encryption.arn if self.encryption else None,
            }, "bucket_key_enabled": True if self.encryption else None}],
        )
        version = aws.s3_bucket_versioning(
            self.terraform_name(), bucket=bucket,
            versioning_configuration={"status": "Enabled" if self.versioned else "Suspended"},
        )
        self._statements: list[dict[str, Any]] = [{
            "Sid": "EncryptedOnly", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*",
            "Resource": [self.arn, self.objects()], "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }]
        # A policy that comes while the block is being put in place is refused.
        self._policy = aws.s3_bucket_policy(
            self.terraform_name(), bucket=bucket, policy=policy_document(self._statements), depends_on=[block],
        )
        aws.s3_bucket_lifecycle_configuration(
            self.terraform_name(), bucket=bucket, rule=self._rules(lifecycle), depends_on=[version],
            transition_default_minimum_object_size=_SMALL_STAY,
        )
        if cors is not None:
            self._cors(cors)

    def _name(self, name: str | None, random_suffix: bool) -> dict[str, Any]:
        physical = self.physical_name("aws_s3_bucket", name)
        if name is not None:
            return {"bucket": physical}
        if random_suffix:
            return {"bucket_prefix": shorten(physical, _LONGEST_PREFIX - 1) + "-"}
        return {"bucket": f"{shorten(physical, _LONGEST_NAME - _ACCOUNT_ID_LENGTH - 1)}-{account_id()}"}

    def _rules(self, lifecycle: Sequence[LifecycleRule]) -> list[Any]:
        rules: list[Any] = [{
            "id": "unfinished-uploads", "status": "Enabled", "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": _UPLOAD_DAYS},
        }]
        for rule in lifecycle:
            require(rule, LifecycleRule, "lifecycle", self)
            self._check(rule)
            rules.append({
                "id": rule.name, "status": "Enabled", "filter": {"prefix": rule.prefix},
                "transition": [{"days": days, "storage_class": storage} for storage, days in rule.move.items()] or None,
                "expiration": {"days": rule.expire} if rule.expire else None,
                "noncurrent_version_expiration": {"noncurrent_days": rule.old_versions} if rule.old_versions else None,
            })
        return rules

    def _check(self, rule: LifecycleRule) -> None:
        for storage, days in rule.move.items():
            if storage not in _FEWEST_DAYS:
                raise Mistake("GS1501", f"S3 has no storage class {storage!r} to move objects to",
                              mend=did_you_mean(storage, _FEWEST_DAYS, what="Known classes"))
            if days < _FEWEST_DAYS[storage]:
                raise Mistake("GS1502", f"objects stay {_FEWEST_DAYS[storage]} days before they move to {storage}, not {days}")
        latest = max(rule.move.values(), default=0)
        if rule.expire is not None and rule.expire <= latest:
            raise Mistake("GS1503", f"objects of the rule `{rule.name}` expire after {rule.expire} days, before they have moved",
                          mend=f"let them expire after more than {latest} days, or leave out the move")
        if rule.old_versions is not None and not self.versioned:
            raise Mistake("GS1504", f"the rule `{rule.name}` deletes old versions of a bucket that keeps none",
                          mend="give the bucket versioning=True")

    def _cors(self, cors: Cors) -> None:
        require(cors, Cors, "cors", self)
        unknown = [method for method in cors.methods if method not in _CORS_METHODS]
        if unknown:
            raise Mistake("GS1505", f"S3 takes no {unknown[0]} requests from web pages",
                          mend=f"known methods: {', '.join(_CORS_METHODS)}")
        aws.s3_bucket_cors_configuration(
            self.terraform_name(), bucket=self.resource["id"],
            cors_rule=[{
                "allowed_origins": list(cors.origins), "allowed_methods": list(cors.methods),
                "allowed_headers": list(cors.headers), "expose_headers": ["ETag"], "max_age_seconds": cors.max_age,
            }],
        )

    def objects(self, prefix: str = "") -> str:
        """ARN of every object, or of those whose key begins with a prefix."""
        return f"{self.arn}/{prefix}*"

    def allow(
        self, sid: str, service: str, actions: Sequence[str], *, prefix: str = "", bucket: bool = False,
        conditions: Mapping[str, Any] | None = None,
    ) -> None:
        """Let an AWS service use the bucket: a CDN read it, a trail write to it.

        Arguments:
            sid: statement id, unique for the bucket.
            service: service principal, for example ``cloudfront.amazonaws.com``.
            actions: S3 actions, for example ``("s3:GetObject",)``.
            prefix: keys that it covers, default all.
            bucket: whether the actions are on the bucket itself, default on its objects.
            conditions: IAM condition block that narrows on whose behalf.
        """
        statement: dict[str, Any] = {
            "Sid": sid, "Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions),
            "Resource": self.arn if bucket else self.objects(prefix),
        }
        if conditions:
            statement["Condition"] = dict(conditions)
        self._statements.append(statement)
        self._policy.override(policy=policy_document(self._statements))

    @property
    def arn(self) -> Reference:
        """ARN of the bucket."""
        return self.resource["arn"]

    @property
    def policy_address(self) -> str:
        """Terraform address of the bucket's policy, for what must come after it."""
        return self._policy.address

    def _grant(self, verb: str, actions: tuple[str, ...], *, lists: bool, writes: bool) -> Grant:
        statements = [Statement(actions, (self.objects(),))]
        if lists:
            # Without it a key that does not exist looks forbidden: Amazon S3 API, GetObject, "Permissions".
            statements.append(Statement(("s3:ListBucket",), (self.arn,)))
        if self.encryption:
            statements.append(self.encryption.write_statement() if writes else self.encryption.read_statement())
        return Grant(self.name, verb, tuple(statements),
                     {environment_name(self.name, "bucket"): self.resource["bucket"]})

    @property
    def read(self) -> Grant:
        """Get objects and list their keys."""
        return self._grant("read", _READ, lists=True, writes=False)

    @property
    def write(self) -> Grant:
        """Put and delete objects."""
        return self._grant("write", _WRITE, lists=False, writes=True)

    @property
    def read_write(self) -> Grant:
        """Both of the above."""
        return self._grant("read_write", tuple(sorted((*_READ, *_WRITE))), lists=True, writes=True)
