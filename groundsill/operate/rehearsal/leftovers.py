"""What a destroy left: asked through the API, of every resource that was there before."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Client = Callable[[str], Any]
"""Gives an AWS SDK client of a service."""


@dataclass(frozen=True, slots=True)
class Before:
    """The state before the destroy.

    Arguments:
        provider_looks_for: a copy of it for the provider to refresh, without what is asked directly.
        asked_directly: type and attributes by address.
        addresses: every managed resource.
        stays: why a destroy leaves it on AWS too, by address, of those of which it does.
    """

    provider_looks_for: bytes
    asked_directly: Mapping[str, tuple[str, Mapping[str, Any]]]
    addresses: frozenset[str]
    stays: Mapping[str, str]


def read_state(state: bytes) -> Before:
    """Divide a state into what the provider looks for and what is asked directly.

    In the provider's part nothing depends on anything any more, so that it looks for all of it at once.

    Arguments:
        state: content of a state file of format 4.
    """
    content: dict[str, Any] = json.loads(state)
    asked: dict[str, tuple[str, Mapping[str, Any]]] = {}
    addresses: set[str] = set()
    staying: dict[str, str] = {}
    kept: list[dict[str, Any]] = []
    for resource in content["resources"]:
        if resource["mode"] != "managed" or not resource["instances"]:
            continue
        address = f"{resource['type']}.{resource['name']}"
        addresses.add(address)
        attributes: Mapping[str, Any] = resource["instances"][0]["attributes"]
        if reason := stays(resource["type"], attributes):
            staying[address] = reason
        if resource["type"] in _DIRECT:
            asked[address] = (resource["type"], attributes)
            continue
        for instance in resource["instances"]:
            instance.pop("dependencies", None)
        kept.append(resource)
    content["resources"] = kept
    return Before(json.dumps(content).encode(), asked, frozenset(addresses), staying)


def still_there(type: str, attributes: Mapping[str, Any], client: Client) -> bool:
    """Whether a resource of one of the types that are asked directly exists.

    Arguments:
        type: Terraform type.
        attributes: as the state had them.
        client: gives SDK clients.
    """
    return _DIRECT[type](attributes, client)


def stays(type: str, attributes: Mapping[str, Any]) -> str:
    """Why a destroy leaves a resource on AWS too, empty where it does not.

    Arguments:
        type: Terraform type.
        attributes: as the state had them.
    """
    if attributes.get("skip_destroy"):
        return "it stays, as its skip_destroy says"
    if type == "aws_api_gateway_account" and attributes.get("reset_on_delete"):
        return ""
    return _SETTINGS.get(type, "")


_AS_IT_IS = "it stays: a setting of the whole account, which a destroy leaves as it is"
_SETTINGS = {
    # Each type's page of the provider.
    "aws_api_gateway_account": _AS_IT_IS,
    "aws_backup_region_settings": _AS_IT_IS,
    "aws_ce_cost_allocation_tag": "it stays, inactive: the account knows every tag that was ever used",
    "aws_sns_sms_preferences": "it stays, empty: a setting of the whole account",
    "aws_xray_encryption_config": _AS_IT_IS,
}


def _service(attributes: Mapping[str, Any], client: Client) -> bool:
    ecs = client("ecs")
    try:
        found = ecs.describe_services(cluster=attributes["cluster"], services=[attributes["name"]])
    except ecs.exceptions.ClusterNotFoundException:
        return False
    return any(service["status"] != "INACTIVE" for service in found["services"])


def _queue(attributes: Mapping[str, Any], client: Client) -> bool:
    sqs = client("sqs")
    try:
        sqs.get_queue_attributes(QueueUrl=attributes.get("queue_url") or attributes["url"])
    except sqs.exceptions.QueueDoesNotExist:
        return False
    return True


_DIRECT: dict[str, Callable[[Mapping[str, Any], Client], bool]] = {
    # The provider asks again for 2 minutes and for 20 seconds before it believes that one of these is gone.
    "aws_ecs_service": _service,
    "aws_sqs_queue": _queue,
    "aws_sqs_queue_policy": _queue,
    "aws_sqs_queue_redrive_allow_policy": _queue,
    "aws_sqs_queue_redrive_policy": _queue,
}
