"""RDS: addresses and exported logs.

Without containers the emulator says that a database is at ``localhost``, and of a cluster it says so only once it has an
instance, so that whatever had been told the cluster's address was out of date. AWS's names never change ("Amazon Aurora
endpoint connections", Amazon Aurora User Guide). Here they have AWS's form and lead nowhere: the databases of a running
system are the ground's own.

Which logs are exported to CloudWatch was dropped ("EnableCloudwatchLogsExports" and "CloudwatchLogsExportConfiguration",
Amazon RDS API Reference). So was the password that RDS keeps in a secret of its own ("Password management with Amazon
RDS and AWS Secrets Manager", Amazon RDS User Guide), but of clusters.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

_NOWHERE = "localhost"
_EXPORTS, _PORT, _SECRET = "EnabledCloudwatchLogsExports", "_groundsill_port", "MasterUserSecret"


def apply(module: Any) -> None:
    """Mend the emulator's RDS module."""
    # They give every instance and the cluster the address of a shared container.
    module._attach_instance_to_shared_cluster = module._sync_cluster_endpoints = _nothing
    actions: dict[str, Callable[[Any], Any]] = module._ACTION_MAP
    for kind, store in (("DBInstance", module._instances), ("DBCluster", module._clusters)):
        for action in (f"Create{kind}", f"Modify{kind}"):
            actions[action] = _keeping(module, actions[action], store, f"{kind}Identifier")
    actions["CreateDBInstance"] = _managing_password(module, actions["CreateDBInstance"])
    actions["DeleteDBInstance"] = _deleting_secret(module, actions["DeleteDBInstance"])
    instance_xml, cluster_xml = module._instance_xml, module._cluster_xml

    def shown_instance(item: dict[str, Any]) -> str:
        endpoint: dict[str, Any] = item.get("Endpoint") or {}
        if endpoint.get("Address") == _NOWHERE:
            port = item.get(_PORT) or _port_of_cluster(module, item) or endpoint.get("Port")
            item = {**item, "Endpoint": {**endpoint, "Address": _address(module, item), "Port": port}}
        return f'{instance_xml(item).replace(f"<{_EXPORTS}/>", _exports(item))}{_secret(item)}'

    module._instance_xml = shown_instance
    def shown_cluster(item: dict[str, Any]) -> str:
        return f"{cluster_xml(item)}{_exports(item)}"

    module._cluster_xml = shown_cluster


def _nothing(*_: object) -> None:
    return None


def _keeping(module: Any, original: Callable[[Any], Any], store: Any, identifier: str) -> Callable[[Any], Any]:
    def handler(given: Any) -> Any:
        answer = original(given)
        item = store.get(module._p(given, identifier))
        if answer[0] != 200 or item is None:
            return answer
        exports = [*item.get(_EXPORTS, ()), *_members(module, given, "EnableCloudwatchLogsExports"),
                   *_members(module, given, "CloudwatchLogsExportConfiguration.EnableLogTypes")]
        off = _members(module, given, "CloudwatchLogsExportConfiguration.DisableLogTypes")
        item[_EXPORTS] = [name for name in dict.fromkeys(exports) if name not in off]
        if module._p(given, "Port"):
            item[_PORT] = int(module._p(given, "Port"))
        return answer

    return handler


def _members(module: Any, given: Any, name: str) -> list[str]:
    found: list[str] = []
    while value := module._p(given, f"{name}.member.{len(found) + 1}"):
        found.append(value)
    return found


def _exports(item: dict[str, Any]) -> str:
    return f"<{_EXPORTS}>{''.join(f'<member>{name}</member>' for name in item.get(_EXPORTS, ()))}</{_EXPORTS}>"


def _address(module: Any, item: dict[str, Any]) -> str:
    """Name, a part of the account's and region's own, region ("Finding the connection information", RDS User Guide)."""
    region = item["DBInstanceArn"].split(":")[3]
    own = hashlib.sha256(f"{module.get_account_id()}/{region}".encode()).hexdigest()[:12]
    return f"{item['DBInstanceIdentifier']}.c{own}.{region}.rds.amazonaws.com"


def _port_of_cluster(module: Any, item: dict[str, Any]) -> int | None:
    cluster = module._clusters.get(item.get("DBClusterIdentifier") or "")
    return cluster["Port"] if cluster else None


def _managing_password(module: Any, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def handler(given: Any) -> Any:
        if module._p(given, "ManageMasterUserPassword") != "true" or module._p(given, "DBClusterIdentifier"):
            return original(given)
        if module._p(given, "MasterUserPassword"):
            return module._error("InvalidParameterCombination", "You can't specify MasterUserPassword when "
                                                                "ManageMasterUserPassword is enabled.", 400)
        password, identifier = module._generate_master_user_password(), module._p(given, "DBInstanceIdentifier")
        answer = original({**given, "MasterUserPassword": [password]})
        if answer[0] != 200:
            return answer
        content = {"username": module._p(given, "MasterUsername"), "password": password}
        arn = module.secretsmanager.create_secret_in_process(
            f"rds!db-{module.new_uuid()}", json.dumps(content),
            description=f"Secret managed by RDS for DB instance {identifier}")
        key = f"arn:aws:kms:{module.get_region()}:{module.get_account_id()}:key/aws-secretsmanager-default"
        instance = module._instances[identifier]
        instance[_SECRET] = {"SecretArn": arn, "SecretStatus": "active",
                             "KmsKeyId": module._p(given, "MasterUserSecretKmsKeyId") or key}
        return module._single_instance_response("CreateDBInstanceResponse", "CreateDBInstanceResult", instance)

    return handler


def _deleting_secret(module: Any, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def handler(given: Any) -> Any:
        instance: dict[str, Any] = module._instances.get(module._p(given, "DBInstanceIdentifier")) or {}
        answer = original(given)
        if answer[0] == 200 and instance.get(_SECRET):
            module.secretsmanager.delete_secret_in_process(instance[_SECRET]["SecretArn"])
        return answer

    return handler


def _secret(item: dict[str, Any]) -> str:
    secret: dict[str, str] = item.get(_SECRET) or {}
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in secret.items())
    return f"<{_SECRET}>{inner}</{_SECRET}>" if inner else ""
