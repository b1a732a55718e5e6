"""Components: AWS services with defaults that pass our own checks, wired to each other by `uses`.

Each is found here by its name and loaded from the file of its family when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundsill.components.alerting import Alerts as Alerts
    from groundsill.components.apis import Cors as Cors
    from groundsill.components.apis import HttpApi as HttpApi
    from groundsill.components.backups import BackupPlan as BackupPlan
    from groundsill.components.buckets import Bucket as Bucket
    from groundsill.components.buckets import LifecycleRule as LifecycleRule
    from groundsill.components.cdn import Cdn as Cdn
    from groundsill.components.containers import Cluster as Cluster
    from groundsill.components.containers import Container as Container
    from groundsill.components.containers import Service as Service
    from groundsill.components.deployers import Deployer as Deployer
    from groundsill.components.email import EmailSender as EmailSender
    from groundsill.components.events import EventBus as EventBus
    from groundsill.components.events import EventRule as EventRule
    from groundsill.components.event_sources import EventSource as EventSource
    from groundsill.components.functions import Function as Function
    from groundsill.components.rollouts import Rollout as Rollout
    from groundsill.components.identity import Password as Password
    from groundsill.components.identity import UserPool as UserPool
    from groundsill.components.keys import Key as Key
    from groundsill.components.load_balancing import HealthCheck as HealthCheck
    from groundsill.components.load_balancing import LoadBalancer as LoadBalancer
    from groundsill.components.network import Network as Network
    from groundsill.components.outputs import output as output
    from groundsill.components.queues import Queue as Queue
    from groundsill.components.rest_apis import RestApi as RestApi
    from groundsill.components.tables import Index as Index
    from groundsill.components.tables import Table as Table
    from groundsill.components.websockets import WebSocketApi as WebSocketApi

_FAMILIES = {
    "Alerts": "alerting",
    "BackupPlan": "backups",
    "Bucket": "buckets",
    "Cdn": "cdn",
    "Cluster": "containers",
    "Container": "containers",
    "Cors": "apis",
    "Deployer": "deployers",
    "EmailSender": "email",
    "EventBus": "events",
    "EventRule": "events",
    "EventSource": "event_sources",
    "Function": "functions",
    "HealthCheck": "load_balancing",
    "HttpApi": "apis",
    "Index": "tables",
    "Key": "keys",
    "LifecycleRule": "buckets",
    "LoadBalancer": "load_balancing",
    "Network": "network",
    "Password": "identity",
    "Queue": "queues",
    "RestApi": "rest_apis",
    "Rollout": "rollouts",
    "Service": "containers",
    "Table": "tables",
    "UserPool": "identity",
    "WebSocketApi": "websockets",
    "output": "outputs",
}

__all__ = [
    "Alerts",
    "BackupPlan",
    "Bucket",
    "Cdn",
    "Cluster",
    "Container",
    "Cors",
    "Deployer",
    "EmailSender",
    "EventBus",
    "EventRule",
    "EventSource",
    "Function",
    "HealthCheck",
    "HttpApi",
    "Index",
    "Key",
    "LifecycleRule",
    "LoadBalancer",
    "Network",
    "Password",
    "Queue",
    "RestApi",
    "Rollout",
    "Service",
    "Table",
    "UserPool",
    "WebSocketApi",
    "output",
]


def __getattr__(name: str) -> Any:
    family = _FAMILIES.get(name)
    if family is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{family}"), name)


def __dir__() -> list[str]:
    return __all__
