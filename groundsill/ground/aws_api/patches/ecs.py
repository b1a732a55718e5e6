"""ECS services: settings that the emulator dropped, so that Terraform saw the service as changed at once.

``availabilityZoneRebalancing`` is kept; where a new service does not say, it is ``ENABLED`` and an update leaves it as
it is ("CreateService" and "UpdateService", Amazon ECS API Reference). So are the placement of tasks and volumes.
"""

from __future__ import annotations

import json
from typing import Any

_KEPT = ("availabilityZoneRebalancing", "placementConstraints", "placementStrategy", "volumeConfigurations")


def apply(module: Any) -> None:
    """Mend the emulator's ECS module."""
    for action, defaults in (("CreateService", {"availabilityZoneRebalancing": "ENABLED"}), ("UpdateService", {})):
        module._ACTION_MAP[action] = _keeping(module, module._ACTION_MAP[action], defaults)


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
