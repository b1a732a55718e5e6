"""What the service is told by its environment, read once and checked whole before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.jobs import Tables

ROLES = ("api", "worker")
_SHARED = ("RAW_SENSOR_TABLE", "USER_PROFILES_TABLE", "STATUS_TABLE", "QUEUE_URL")
NEEDED = {
    "api": (*_SHARED, "USER_POOL_ISSUER", "USER_POOL_JWKS_URL", "USER_POOL_CLIENT_ID"),
    "worker": (*_SHARED, "RESULTS_TABLE"),
}


class SettingsError(Exception):
    """The environment cannot be used; the message names every variable that is at fault."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of either role; what a role does not need is empty."""

    role: str
    tables: Tables
    results_table: str = ""
    host: str = "0.0.0.0"
    port: int = 8080
    issuer: str = ""
    jwks_url: str = ""
    client_id: str = ""
    # The lease of a job: after this time without a heartbeat the queue gives it to another worker.
    lease_seconds: float = 900
    # The pause before a job that failed unexpectedly comes back, times the number of its deliveries.
    retry_seconds: int = 10
    # Of the queue's redrive policy: only to tell the user whether another attempt follows.
    max_receives: int = 3
    # Of a session. Measured: the estimate of a million (5.5 hours at 50 Hz) takes 380 MB of the worker's 512.
    max_samples: int = 1_000_000
    # The longest that SQS lets a receive wait, and so the longest that an idle worker takes to stop.
    poll_seconds: int = 20
    # ECS kills a task 30 s after it asked it to stop (ECS Developer Guide, `stopTimeout`).
    stop_grace_seconds: float = 20


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings of the role that `SERVICE_TYPE` names.

    Raises:
        SettingsError: unknown role, missing variables (all are named), numbers that are none.
    """
    role = environment.get("SERVICE_TYPE", "")
    if role not in ROLES:
        shown = f"is {role!r}" if role else "is not set"
        raise SettingsError(f"SERVICE_TYPE {shown}: it must be one of {', '.join(ROLES)}")
    absent = [name for name in NEEDED[role] if not environment.get(name)]
    if absent:
        raise SettingsError(f"SERVICE_TYPE={role} needs these variables too: {', '.join(absent)}")
    if role == "api" and urlsplit(environment["USER_POOL_JWKS_URL"]).scheme not in ("http", "https"):
        raise SettingsError("USER_POOL_JWKS_URL must begin with https:// (or http://)")
    return Settings(
        role=role,
        tables=Tables(
            raw=environment["RAW_SENSOR_TABLE"],
            profiles=environment["USER_PROFILES_TABLE"],
            status=environment["STATUS_TABLE"],
            queue_url=environment["QUEUE_URL"],
        ),
        results_table=environment.get("RESULTS_TABLE", ""),
        # In a container all of its addresses; a process on a shared machine is told 127.0.0.1.
        host=environment.get("HOST") or "0.0.0.0",
        port=int(_number(environment, "PORT", 8080, low=0, high=65535)),
        issuer=environment.get("USER_POOL_ISSUER", ""),
        jwks_url=environment.get("USER_POOL_JWKS_URL", ""),
        client_id=environment.get("USER_POOL_CLIENT_ID", ""),
        lease_seconds=_number(environment, "JOB_LEASE_SECONDS", 900, low=1, high=43_200),
        retry_seconds=int(_number(environment, "JOB_RETRY_SECONDS", 10, low=0, high=10_000)),
        max_receives=int(_number(environment, "JOB_MAX_RECEIVES", 3, low=1, high=1000)),
        max_samples=int(_number(environment, "MAX_SAMPLES", 1_000_000, low=1, high=1e9)),
        poll_seconds=int(_number(environment, "POLL_SECONDS", 20, low=1, high=20)),
        stop_grace_seconds=_number(environment, "STOP_GRACE_SECONDS", 20, low=0, high=3600),
    )


def _number(environment: Mapping[str, str], name: str, default: float, *, low: float, high: float) -> float:
    text = environment.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise SettingsError(f"{name} must be a number from {low:g} to {high:g}, not {text!r}")
    return value
