"""One module a service: what its resources cost, what can be said of them, and where their traffic goes."""

from __future__ import annotations

from importlib import import_module

from groundsill.cost.model import Service

MODULES = (
    "apis", "backups", "buckets", "caches", "cdn", "containers", "databases", "dns", "functions", "identity", "keys",
    "load_balancing", "logs", "machines", "management", "messaging", "models", "monitoring", "network", "security", "tables",
    "traces",
)


def every_service() -> list[Service]:
    """The services of every module, in a steady order."""
    return [value for name in MODULES for value in vars(import_module(f"groundsill.cost.meters.{name}")).values()
            if isinstance(value, Service)]
