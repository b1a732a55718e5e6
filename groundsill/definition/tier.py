"""Tiers: what `basic`, `standard` and `enterprise` mean, as one table that every component reads."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Tier(NamedTuple):
    """How much protection a stage buys.

    Arguments:
        name: ``basic``, ``standard`` or ``enterprise``.
        customer_key: encrypt data with a KMS key of the account's own instead of AWS's.
        point_in_time_recovery: continuous backups of tables in every stage (production has them in every tier).
        nat_per_zone: one NAT gateway in each zone, so that the loss of a zone leaves the others a way out.
        container_insights: per-task metrics of container clusters.
        tracing: X-Ray traces of functions and APIs.
        log_retention_days: how long logs are kept.
        flow_logs: record the network's traffic.
        private_network: put functions and caches into private subnets of a network of their own.
        backups: daily backups into a vault, beside the continuous ones.
        config_rules: AWS Config records every change and checks rules.
        threat_detection: GuardDuty looks for signs of an attack.
        security_hub: Security Hub checks the account against standards.
    """

    name: str
    customer_key: bool
    point_in_time_recovery: bool
    nat_per_zone: bool
    container_insights: bool
    tracing: bool
    log_retention_days: int
    flow_logs: bool
    private_network: bool
    backups: bool
    config_rules: bool
    threat_detection: bool
    security_hub: bool


TIERS: MappingProxyType[str, Tier] = MappingProxyType({
    "basic": Tier("basic", customer_key=False, point_in_time_recovery=False, nat_per_zone=False,
                  container_insights=False, tracing=False, log_retention_days=30, flow_logs=False,
                  private_network=False, backups=False,
                  config_rules=False, threat_detection=False, security_hub=False),
    "standard": Tier("standard", customer_key=False, point_in_time_recovery=True, nat_per_zone=True,
                     container_insights=True, tracing=True, log_retention_days=30, flow_logs=False,
                     private_network=True, backups=True,
                     config_rules=True, threat_detection=False, security_hub=False),
    "enterprise": Tier("enterprise", customer_key=True, point_in_time_recovery=True, nat_per_zone=True,
                       container_insights=True, tracing=True, log_retention_days=365, flow_logs=True,
                       private_network=True, backups=True,
                       config_rules=True, threat_detection=True, security_hub=True),
})
