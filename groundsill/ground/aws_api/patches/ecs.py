"""ECS services: settings that the emulator dropped, so that Terraform saw the service as changed at once.

``availabilityZoneRebalancing`` is kept; where a new service does not say, it is ``ENABLED`` and an update leaves it as
it is ("CreateService" and "UpdateService", Amazon ECS API Reference). So are the placement of tasks and volumes.

A deleted cluster is ``INACTIVE`` and can still be asked about for a while ("DeleteCluster", same reference): its services
are missing, which ends the provider's search for them. The emulator answered that there had never been such a cluster,
which the provider takes for a new one's delay and asks again for two minutes.
"""

from __future__ import annotations

import json
from typing import Any

_KEPT = ("availabilityZoneRebalancing", "placementConstraints", "placementStrategy", "volumeConfigurations")


def apply(module: Any) -> None:
    """Mend the emulator's ECS module."""
    for action, defaults in (("CreateService", {"availabilityZoneRebalancing": "ENABLED"}), ("UpdateService", {})):
        module._ACTION_MAP[action] = _keeping(module, module._ACTION_MAP[action], defaults)
    _remember_deleted_clusters(module)


def _remember_deleted_clusters(module: Any) -> None:
    delete, create = module._ACTION_MAP["DeleteCluster"], module._ACTION_MAP["CreateCluster"]
    describe = module._ACTION_MAP["DescribeServices"]
    deleted: set[tuple[str, str, str]] = set()

    def key(name: str) -> tuple[str, str, str]:
        return module.get_account_id(), module.get_region(), name.rpartition("/")[2]

    def delete_cluster(data: dict[str, Any]) -> Any:
        answer = delete(data)
        if answer[0] == 200:
            deleted.add(key(data.get("cluster") or "default"))
        return answer

    def create_cluster(data: dict[str, Any]) -> Any:
        deleted.discard(key(data.get("clusterName") or "default"))
        return create(data)

    def describe_services(data: dict[str, Any]) -> Any:
        answer = describe(data)
        cluster = key(data.get("cluster") or "default")
        if answer[0] != 400 or cluster not in deleted:
            return answer
        account, region, name = cluster
        return module.json_response({"services": [], "failures": [
            {"arn": asked if asked.startswith("arn:") else f"arn:aws:ecs:{region}:{account}:service/{name}/{asked}",
             "reason": "MISSING"}
            for asked in data.get("services") or ()
        ]})

    module._ACTION_MAP |= {"DeleteCluster": delete_cluster, "CreateCluster": create_cluster,
                           "DescribeServices": describe_services}


def _keeping(module: Any, original: Any, defaults: dict[str, Any]) -> Any:
    def handler(data: dict[str, Any]) -> Any:
        answer = original(data)
        status, headers, body = answer
        if status != 200:
            return answer
        content = json.loads(body)
        given = {**defaults, **{name: data[name] for name in _KEPT if name in data}}
        content["service"].update(given)
        arn = content["service"]["serviceArn"]
        for service in module._services.values():
            if service["serviceArn"] == arn:
                service.update(given)
        return status, headers, json.dumps(content).encode()

    return handler
