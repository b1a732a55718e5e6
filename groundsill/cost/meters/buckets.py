"""Amazon S3: storage and requests.

"Amazon S3 Pricing" (aws.amazon.com/s3/pricing). Objects that a lifecycle moves are counted where they were put, which is
never less than what they cost later, and at the price of where they go in the low estimate.
"""

from __future__ import annotations

from groundsill.cost.amount import Amount, spread
from groundsill.cost.context import GB, Context, mappings, plain_number, title
from groundsill.cost.model import Factor, Lines, Parameter, Service
from groundsill.cost.quantities import DAYS_PER_MONTH, Dimension
from groundsill.graph.resource import Resource

_UNPRICED = {
    "aws_s3_bucket_replication_configuration": "copies are paid in the other bucket; how much goes there is not known",
    "aws_s3_bucket_metric": "paid as metrics of one's own, and how many there are is not known",
}
service = Service("Amazon S3", unpriced=_UNPRICED, free={
    f"aws_s3_{name}": "a setting of its bucket" for name in (
        "bucket_accelerate_configuration", "bucket_acl", "bucket_cors_configuration", "bucket_lifecycle_configuration",
        "bucket_logging", "bucket_notification", "bucket_object_lock_configuration", "bucket_ownership_controls",
        "bucket_policy", "bucket_public_access_block", "bucket_server_side_encryption_configuration", "bucket_versioning",
        "bucket_website_configuration", "account_public_access_block", "bucket_intelligent_tiering_configuration",
        "bucket_request_payment_configuration")
})
KB = 2.0**10
_NEW = Amount(0.5, 1, 1)
# What a GB costs in each class against Standard: (0.0125, 0.0036 ...) / 0.023.
_CHEAPEST = {"STANDARD_IA": 0.55, "ONEZONE_IA": 0.44, "GLACIER_IR": 0.18, "GLACIER": 0.16, "DEEP_ARCHIVE": 0.05,
             "INTELLIGENT_TIERING": 0.18}


@service.meter(
    "aws_s3_bucket",
    Parameter("puts", Dimension.RATE, "objects written", Amount(0, 1000, 10_000)),
    Parameter("gets", Dimension.RATE, "objects read", Amount(0, 1000, 10_000)),
    Parameter("object_size", Dimension.SIZE, "an object has", Amount(10 * KB, 200 * KB, 2048 * KB)),
    Parameter("stored", Dimension.STORED, "data that it holds"),
    Parameter("growth", Dimension.GROWTH, "data that is added"),
    Parameter("downloads", Dimension.GROWTH, "what leaves it for the internet by itself, as with presigned addresses,"),
)
def bucket(context: Context, bucket: Resource) -> Lines:
    """Storage and requests of a bucket."""
    stored = held_by_bucket(context, bucket)
    yield context.line(bucket, "storage", "s3.standard_storage", stored.scaled(GB))
    yield context.line(bucket, "writes", "s3.standard_put_copy_post_list", context.measure(bucket, "puts", "objects written"))
    yield context.line(bucket, "reads", "s3.standard_get_and_other", context.measure(bucket, "gets", "objects read"))
    if context.traffic.stated(bucket, "downloads") is None:
        yield context.free(bucket, "free to CloudFront and within the region; state `downloads` where people fetch from it",
                           "data out")
    else:
        yield context.line(bucket, "data out", "data_transfer.out_to_internet", context.measure(bucket, "downloads").scaled(GB))


def held_by_bucket(context: Context, bucket: Resource) -> Factor:
    """Bytes that a bucket holds."""
    added = context.measure(bucket, "puts", "objects written") * context.measure(bucket, "object_size")
    if added.amount is not None:
        added = Factor(added.amount * _NEW, added.text, added.assumptions)
    months, cheapest = _lifecycle(context, bucket)
    stored = context.stored(bucket, added, months=months)
    if cheapest < 1 and stored.amount is not None:
        amount = stored.amount
        stored = Factor(spread(amount.low * cheapest, amount.expected, amount.high), stored.text, stored.assumptions).because(
            f"{title(bucket)}: objects are counted as Standard; its lifecycle makes old ones cheaper")
    return stored


def _lifecycle(context: Context, bucket: Resource) -> tuple[float | None, float]:
    """After how many months every object is gone, and the least that one costs against Standard."""
    months: float | None = None
    cheapest = 1.0
    for lifecycle in context.referring(bucket, "aws_s3_bucket_lifecycle_configuration"):
        for rule in context.view.blocks(lifecycle, "rule"):
            narrow = any(value not in ("", None, []) for item in mappings(rule.get("filter")) for value in item.values())
            for block in [] if narrow else mappings(rule.get("expiration")):
                days = plain_number(block.get("days"))
                if days:
                    months = min(days / DAYS_PER_MONTH, DAYS_PER_MONTH * 1e3 if months is None else months)
            for block in mappings(rule.get("transition")):
                cheapest = min(cheapest, _CHEAPEST.get(str(block.get("storage_class")), 1.0))
    return months, cheapest


@service.meter("aws_s3_object")
def stored_object(context: Context, stored_object: Resource) -> Lines:
    """One object: less than a cent."""
    yield context.free(stored_object, "one object: less than a cent, counted in its bucket")
