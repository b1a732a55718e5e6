"""Components: AWS services with defaults that pass our own checks, wired to each other by `uses`.

Each is found here by its name and loaded from the file of its family when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundsill.components.alarm import Alarm as Alarm
    from groundsill.components.alerting import Alerts as Alerts
    from groundsill.components.alerting import CompositeAlarm as CompositeAlarm
    from groundsill.components.apis import Cors as Cors
    from groundsill.components.apis import HttpApi as HttpApi
    from groundsill.components.backups import BackupPlan as BackupPlan
    from groundsill.components.backups import BackupSettings as BackupSettings
    from groundsill.components.backups import RestoreTest as RestoreTest
    from groundsill.components.buckets import Bucket as Bucket
    from groundsill.components.buckets import LifecycleRule as LifecycleRule
    from groundsill.components.budgets import Budget as Budget
    from groundsill.components.budgets import CostAnomalies as CostAnomalies
    from groundsill.components.budgets import CostTags as CostTags
    from groundsill.components.caches import Cache as Cache
    from groundsill.components.cdn import Cdn as Cdn
    from groundsill.components.containers import Cluster as Cluster
    from groundsill.components.containers import Container as Container
    from groundsill.components.containers import Service as Service
    from groundsill.components.databases import Database as Database
    from groundsill.components.databases import ServerlessDatabase as ServerlessDatabase
    from groundsill.components.deployers import Deployer as Deployer
    from groundsill.components.dns import Certificate as Certificate
    from groundsill.components.dns import DnsHealthCheck as DnsHealthCheck
    from groundsill.components.dns import Zone as Zone
    from groundsill.components.email import EmailSender as EmailSender
    from groundsill.components.event_sources import EventSource as EventSource
    from groundsill.components.events import EventBus as EventBus
    from groundsill.components.events import EventRule as EventRule
    from groundsill.components.existing_network import ExistingNetwork as ExistingNetwork
    from groundsill.components.functions import Function as Function
    from groundsill.components.identity import Password as Password
    from groundsill.components.identity import UserPool as UserPool
    from groundsill.components.keys import Key as Key
    from groundsill.components.load_balancing import HealthCheck as HealthCheck
    from groundsill.components.load_balancing import LoadBalancer as LoadBalancer
    from groundsill.components.machines import Machine as Machine
    from groundsill.components.machines import MachineGroup as MachineGroup
    from groundsill.components.machines import Volume as Volume
    from groundsill.components.messaging import SmsSender as SmsSender
    from groundsill.components.metrics import Metric as Metric
    from groundsill.components.metrics import metric as metric
    from groundsill.components.migrations import Migration as Migration
    from groundsill.components.models import Guardrail as Guardrail
    from groundsill.components.models import LanguageModel as LanguageModel
    from groundsill.components.models import ModelLog as ModelLog
    from groundsill.components.network import Network as Network
    from groundsill.components.observability import Dashboard as Dashboard
    from groundsill.components.observability import LogMetric as LogMetric
    from groundsill.components.observability import SavedQuery as SavedQuery
    from groundsill.components.observability import Traces as Traces
    from groundsill.components.outputs import output as output
    from groundsill.components.protection import AuditTrail as AuditTrail
    from groundsill.components.protection import ConfigRecorder as ConfigRecorder
    from groundsill.components.protection import ConfigRule as ConfigRule
    from groundsill.components.protection import SecurityHub as SecurityHub
    from groundsill.components.protection import ThreatDetection as ThreatDetection
    from groundsill.components.queues import Queue as Queue
    from groundsill.components.rest_apis import RestApi as RestApi
    from groundsill.components.rollouts import Rollout as Rollout
    from groundsill.components.scaling import Scale as Scale
    from groundsill.components.schedules import Schedule as Schedule
    from groundsill.components.schedules import ScheduleGroup as ScheduleGroup
    from groundsill.components.secrets import Parameter as Parameter
    from groundsill.components.secrets import Secret as Secret
    from groundsill.components.tables import Capacity as Capacity
    from groundsill.components.tables import Index as Index
    from groundsill.components.tables import Table as Table
    from groundsill.components.tasks import Task as Task
    from groundsill.components.topics import Topic as Topic
    from groundsill.components.web_acls import WebAcl as WebAcl
    from groundsill.components.websockets import WebSocketApi as WebSocketApi

_FAMILIES = {
    "Alarm": "alarm",
    "Alerts": "alerting",
    "AuditTrail": "protection",
    "BackupPlan": "backups",
    "BackupSettings": "backups",
    "Bucket": "buckets",
    "Budget": "budgets",
    "Cache": "caches",
    "Capacity": "tables",
    "Cdn": "cdn",
    "Certificate": "dns",
    "Cluster": "containers",
    "CompositeAlarm": "alerting",
    "ConfigRecorder": "protection",
    "ConfigRule": "protection",
    "Container": "containers",
    "Cors": "apis",
    "CostAnomalies": "budgets",
    "CostTags": "budgets",
    "Dashboard": "observability",
    "Database": "databases",
    "Deployer": "deployers",
    "DnsHealthCheck": "dns",
    "EmailSender": "email",
    "EventBus": "events",
    "EventRule": "events",
    "EventSource": "event_sources",
    "ExistingNetwork": "existing_network",
    "Function": "functions",
    "Guardrail": "models",
    "HealthCheck": "load_balancing",
    "HttpApi": "apis",
    "Index": "tables",
    "Key": "keys",
    "LanguageModel": "models",
    "LifecycleRule": "buckets",
    "LoadBalancer": "load_balancing",
    "LogMetric": "observability",
    "Machine": "machines",
    "MachineGroup": "machines",
    "Metric": "metrics",
    "Migration": "migrations",
    "ModelLog": "models",
    "Network": "network",
    "Parameter": "secrets",
    "Password": "identity",
    "Queue": "queues",
    "RestApi": "rest_apis",
    "RestoreTest": "backups",
    "Rollout": "rollouts",
    "SavedQuery": "observability",
    "Scale": "scaling",
    "Schedule": "schedules",
    "ScheduleGroup": "schedules",
    "Secret": "secrets",
    "SecurityHub": "protection",
    "ServerlessDatabase": "databases",
    "Service": "containers",
    "SmsSender": "messaging",
    "Table": "tables",
    "Task": "tasks",
    "ThreatDetection": "protection",
    "Topic": "topics",
    "Traces": "observability",
    "UserPool": "identity",
    "Volume": "machines",
    "WebAcl": "web_acls",
    "WebSocketApi": "websockets",
    "Zone": "dns",
    "metric": "metrics",
    "output": "outputs",
}

__all__ = [
    "Alarm",
    "Alerts",
    "AuditTrail",
    "BackupPlan",
    "BackupSettings",
    "Bucket",
    "Budget",
    "Cache",
    "Capacity",
    "Cdn",
    "Certificate",
    "Cluster",
    "CompositeAlarm",
    "ConfigRecorder",
    "ConfigRule",
    "Container",
    "Cors",
    "CostAnomalies",
    "CostTags",
    "Dashboard",
    "Database",
    "Deployer",
    "DnsHealthCheck",
    "EmailSender",
    "EventBus",
    "EventRule",
    "EventSource",
    "ExistingNetwork",
    "Function",
    "Guardrail",
    "HealthCheck",
    "HttpApi",
    "Index",
    "Key",
    "LanguageModel",
    "LifecycleRule",
    "LoadBalancer",
    "LogMetric",
    "Machine",
    "MachineGroup",
    "Metric",
    "Migration",
    "ModelLog",
    "Network",
    "Parameter",
    "Password",
    "Queue",
    "RestApi",
    "RestoreTest",
    "Rollout",
    "SavedQuery",
    "Scale",
    "Schedule",
    "ScheduleGroup",
    "Secret",
    "SecurityHub",
    "ServerlessDatabase",
    "Service",
    "SmsSender",
    "Table",
    "Task",
    "ThreatDetection",
    "Topic",
    "Traces",
    "UserPool",
    "Volume",
    "WebAcl",
    "WebSocketApi",
    "Zone",
    "metric",
    "output",
]


def __getattr__(name: str) -> Any:
    family = _FAMILIES.get(name)
    if family is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{family}"), name)


def __dir__() -> list[str]:
    return __all__
