"""One function a resource type: make it exist in the AWS API of the ground as described, whatever was there before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from groundsill.graph.shapes import is_list
from groundsill.ground.provision.attributes import Attributes, Place


class ProvisionError(Exception):
    """A resource cannot be made as described; the message says why and what to do."""


class Clients:
    """AWS clients of the ground's own key, made once each. They may be made before the key is known.

    Arguments:
        url: address of the AWS API.
        access_key_id: the ground's key.
        secret_access_key: its secret.
        region: region of every client.
    """

    def __init__(self, url: str, access_key_id: str, secret_access_key: str, region: str) -> None:
        from threading import Lock

        import botocore.session
        from botocore.config import Config

        self._session: Any = botocore.session.Session()
        # The folder of a developer's own profile is not looked at: the ground's key is the only one it ever uses.
        self._session.set_credentials(access_key_id, secret_access_key)
        self._url, self._region = url, region
        self._configuration = Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=30,
                                     max_pool_connections=16)
        self._made: dict[str, Any] = {}
        # Each client is made by one thread: the others wait for it instead of making it too.
        self._making = Lock()

    def __call__(self, service: str) -> Any:
        """The client of a service, for example ``sqs``."""
        made = self._made.get(service)
        if made is None:
            with self._making:
                made = self._made.get(service)
                if made is None:
                    made = self._made[service] = self._session.create_client(
                        service, region_name=self._region, endpoint_url=self._url, config=self._configuration)
        return made

    def use_key(self, access_key_id: str, secret_access_key: str) -> None:
        """Sign with this key from now on, also in clients that exist already."""
        key = self._session.get_credentials()
        key.access_key, key.secret_key = access_key_id, secret_access_key


Arguments = Mapping[str, Any]
Handler = Callable[[Clients, Place, Arguments, Attributes], Attributes]


def code_of(error: Exception) -> str:
    """The error code of an AWS answer."""
    response: dict[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def block(arguments: Arguments, name: str) -> Mapping[str, Any]:
    """The first nested block of a name."""
    value: Any = arguments.get(name) or {}
    return value[0] if is_list(value) else value


def blocks(arguments: Arguments, name: str) -> list[Mapping[str, Any]]:
    """All nested blocks of a name."""
    value: Any = arguments.get(name) or []
    return list(value) if is_list(value) else [value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _schema(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    keys = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return keys + ([{"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else [])


def table(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_dynamodb_table``."""
    client = clients("dynamodb")
    name = given["name"]
    indexes = [
        {
            "IndexName": index["name"], "KeySchema": _schema(index["hash_key"], index.get("range_key")),
            "Projection": {"ProjectionType": index["projection_type"]}
            | ({"NonKeyAttributes": index["non_key_attributes"]} if index.get("non_key_attributes") else {}),
        }
        for index in blocks(given, "global_secondary_index")
    ]
    wanted: dict[str, Any] = {
        "TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": _schema(given["hash_key"], given.get("range_key")),
        "AttributeDefinitions": [
            {"AttributeName": attribute["name"], "AttributeType": attribute["type"]}
            for attribute in blocks(given, "attribute")
        ],
    }
    if indexes:
        wanted["GlobalSecondaryIndexes"] = indexes
    if given.get("stream_enabled"):
        wanted["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": given["stream_view_type"]}
    try:
        found = client.create_table(**wanted)["TableDescription"]
    except Exception as error:
        if code_of(error) != "ResourceInUseException":
            raise
        found = client.describe_table(TableName=name)["Table"]
        _update_table(client, wanted, found)
    ttl = block(given, "ttl")
    if ttl.get("enabled"):
        client.update_time_to_live(TableName=name, TimeToLiveSpecification={
            "Enabled": True, "AttributeName": ttl["attribute_name"]})
    return {"id": name, "arn": found["TableArn"], "stream_arn": found.get("LatestStreamArn", "")}


def _update_table(client: Any, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    name = wanted["TableName"]
    if found["KeySchema"] != wanted["KeySchema"]:
        raise ProvisionError(
            f"table {name} holds data under another key than the definition's: Terraform would replace it and lose the "
            "data. Delete the local data with `groundsill down --wipe`, or give the table another name")
    before = {index["IndexName"]: index for index in found.get("GlobalSecondaryIndexes", [])}
    for index in wanted.get("GlobalSecondaryIndexes", []):
        old = before.pop(index["IndexName"], None)
        if old is not None and old["KeySchema"] == index["KeySchema"] and \
                old["Projection"]["ProjectionType"] == index["Projection"]["ProjectionType"]:
            continue
        if old is not None:
            client.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": index["IndexName"]}}])
        client.update_table(TableName=name, AttributeDefinitions=wanted["AttributeDefinitions"],
                            GlobalSecondaryIndexUpdates=[{"Create": index}])
    for gone in before:
        client.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": gone}}])


def queue(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_sqs_queue``."""
    client = clients("sqs")
    attributes = {
        "VisibilityTimeout": given.get("visibility_timeout_seconds"),
        "MessageRetentionPeriod": given.get("message_retention_seconds"),
        "ReceiveMessageWaitTimeSeconds": given.get("receive_wait_time_seconds"),
        "DelaySeconds": given.get("delay_seconds"),
        "RedrivePolicy": given.get("redrive_policy"),
    }
    stated = {name: _text(value) for name, value in attributes.items() if value is not None}
    if given.get("fifo_queue"):
        stated["FifoQueue"] = "true"
    try:
        url = client.create_queue(QueueName=given["name"], Attributes=stated)["QueueUrl"]
    except Exception as error:
        if code_of(error) not in ("QueueAlreadyExists", "QueueNameExists", "AWS.SimpleQueueService.QueueNameExists"):
            raise
        url = client.get_queue_url(QueueName=given["name"])["QueueUrl"]
    client.set_queue_attributes(QueueUrl=url, Attributes=stated)
    return {"id": url, "url": url, "arn": place.arn("sqs", given["name"])}


def queue_redrive_allow(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_sqs_queue_redrive_allow_policy``."""
    clients("sqs").set_queue_attributes(
        QueueUrl=given["queue_url"], Attributes={"RedriveAllowPolicy": _text(given["redrive_allow_policy"])})
    return {"id": given["queue_url"]}


def role(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_iam_role``. Inline policies of an earlier definition are taken away: what is granted is what is written."""
    client = clients("iam")
    name, trust = given["name"], _text(given["assume_role_policy"])
    try:
        # At most starts it is there already, with what it was granted then.
        client.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
            client.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            client.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    except Exception as error:
        if code_of(error) not in ("NoSuchEntity", "NoSuchEntityException"):
            raise
        client.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    return {"id": name, "arn": place.arn("iam", f"role/{name}", regional=False)}


def role_policy(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_iam_role_policy``."""
    clients("iam").put_role_policy(RoleName=given["role"], PolicyName=given["name"], PolicyDocument=_text(given["policy"]))
    return {"id": f"{given['role']}:{given['name']}"}


def policy(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_iam_policy``."""
    client, name = clients("iam"), given["name"]
    arn = place.arn("iam", f"policy/{name}", regional=False)
    try:
        client.create_policy(PolicyName=name, PolicyDocument=_text(given["policy"]))
    except Exception as error:
        if code_of(error) != "EntityAlreadyExists":
            raise
        for version in client.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        client.create_policy_version(PolicyArn=arn, PolicyDocument=_text(given["policy"]), SetAsDefault=True)
    return {"id": arn, "arn": arn}


def policy_attachment(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_iam_role_policy_attachment``."""
    try:
        clients("iam").attach_role_policy(RoleName=given["role"], PolicyArn=given["policy_arn"])
    except Exception as error:
        # The emulator does not hold AWS's managed policies; only services that the ground does not run use them.
        if not (code_of(error) == "NoSuchEntity" and ":iam::aws:policy/" in given["policy_arn"]):
            raise
    return {"id": f"{given['role']}/{given['policy_arn']}"}


def key(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_kms_key``; the key of an earlier start is kept, since data is encrypted under it."""
    if before.get("key_id"):
        return dict(before)
    made = clients("kms").create_key(Description=given.get("description", ""))["KeyMetadata"]
    return {"id": made["KeyId"], "key_id": made["KeyId"], "arn": made["Arn"]}


def key_alias(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_kms_alias``."""
    if not before:
        clients("kms").create_alias(AliasName=given["name"], TargetKeyId=given["target_key_id"])
    return {"id": given["name"], "name": given["name"], "arn": place.arn("kms", given["name"])}


def topic(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_sns_topic``."""
    arn = clients("sns").create_topic(Name=given["name"])["TopicArn"]
    return {"id": arn, "arn": arn}


def subscription(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_sns_topic_subscription``."""
    arn = clients("sns").subscribe(TopicArn=given["topic_arn"], Protocol=given["protocol"], Endpoint=given["endpoint"],
                                   ReturnSubscriptionArn=True)["SubscriptionArn"]
    return {"id": arn, "arn": arn}


def log_group(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_cloudwatch_log_group``."""
    client = clients("logs")
    try:
        client.create_log_group(logGroupName=given["name"])
    except Exception as error:
        if code_of(error) != "ResourceAlreadyExistsException":
            raise
    if given.get("retention_in_days"):
        client.put_retention_policy(logGroupName=given["name"], retentionInDays=given["retention_in_days"])
    return {"id": given["name"], "arn": place.arn("logs", f"log-group:{given['name']}")}


def email_identity(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_sesv2_email_identity``; counts as confirmed at once, since every mail is captured here."""
    identity = given["email_identity"]
    try:
        clients("sesv2").create_email_identity(EmailIdentity=identity)
    except Exception as error:
        if code_of(error) != "AlreadyExistsException":
            raise
    return {"id": identity, "arn": place.arn("ses", f"identity/{identity}"), "verified_for_sending_status": True}


HANDLERS: MappingProxyType[str, Handler] = MappingProxyType({
    "aws_cloudwatch_log_group": log_group,
    "aws_dynamodb_table": table,
    "aws_iam_policy": policy,
    "aws_iam_role": role,
    "aws_iam_role_policy": role_policy,
    "aws_iam_role_policy_attachment": policy_attachment,
    "aws_kms_alias": key_alias,
    "aws_kms_key": key,
    "aws_sesv2_email_identity": email_identity,
    "aws_sns_topic": topic,
    "aws_sns_topic_subscription": subscription,
    "aws_sqs_queue": queue,
    "aws_sqs_queue_redrive_allow_policy": queue_redrive_allow,
})

# Services whose clients the handlers use, by the prefix of resource types.
SERVICES: MappingProxyType[str, str] = MappingProxyType({
    "aws_cloudwatch_log_": "logs", "aws_cognito_": "cognito-idp", "aws_dynamodb_": "dynamodb", "aws_iam_": "iam",
    "aws_kms_": "kms", "aws_sesv2_": "sesv2", "aws_sns_": "sns", "aws_sqs_": "sqs",
})


def services_of(types: Iterable[str]) -> list[str]:
    """The services that handle some resource types, each once, sorted."""
    return sorted({service for type in types for prefix, service in SERVICES.items() if type.startswith(prefix)})
