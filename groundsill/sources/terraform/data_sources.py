"""Data sources whose answers follow from the configuration alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundsill.sources.policy_documents import policy_document
from groundsill.sources.terraform.names import ABSENT

if TYPE_CHECKING:
    from groundsill.sources.terraform.instances import Instance

_PARTITIONS = (("cn-", "aws-cn", "amazonaws.com.cn"), ("us-gov-", "aws-us-gov", "amazonaws.com"),
               ("", "aws", "amazonaws.com"))


def answer(instance: Instance, name: str, region: str) -> Any:
    """What an attribute of a data source will be, or ``ABSENT`` where only AWS says.

    Arguments:
        instance: the data source.
        name: of the attribute.
        region: of its provider; empty where that is not known.
    """
    match instance.type:
        case "aws_iam_policy_document" if name in ("json", "minified_json"):
            document = policy_document(lambda name: _given(instance, name), instance.module.world.evaluation.settle)
            return ABSENT if document is None else document
        case "aws_region" if name in ("name", "id", "region") and region:
            given = instance.raw("name")
            return region if given is ABSENT else ABSENT
        case "aws_partition" if region:
            _, partition, suffix = next(item for item in _PARTITIONS if region.startswith(item[0]))
            return {"partition": partition, "id": partition, "dns_suffix": suffix}.get(name, ABSENT)
        case _:
            return ABSENT


def _given(instance: Instance, name: str) -> Any:
    value = instance.raw(name)
    return None if value is ABSENT else value
