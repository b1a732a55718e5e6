"""Target groups: who is registered, who is healthy, who is next.

Source: Elastic Load Balancing, "Health checks for Application Load Balancer target groups" and "Target
groups for your Application Load Balancers".
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from groundsill.ground.edge.proxy import Proxy, TargetBroken, TargetSilent
from groundsill.ground.resolved import ResolvedResource

INITIAL, HEALTHY, UNHEALTHY, DRAINING, UNUSED = "initial", "healthy", "unhealthy", "draining", "unused"
# While a new target has not passed its first check it is asked more often than the interval says, so that a
# system is up as soon as its service is. The verdict "unhealthy" still takes the declared time.
_FIRST_CHECK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """A target's state, as ``DescribeTargetHealth`` tells it.

    Arguments:
        target_id: the id that it was registered with.
        host: its address on this machine.
        port: its port on this machine.
        state: ``initial``, ``healthy``, ``unhealthy``, ``draining`` or ``unused``.
        reason: for example ``Target.ResponseCodeMismatch``; empty when healthy.
        description: one sentence; empty when healthy.
    """

    target_id: str
    host: str
    port: int
    state: str
    reason: str = ""
    description: str = ""


@dataclass(frozen=True)
class HealthCheck:
    """The ``health_check`` block of ``aws_lb_target_group``, with its defaults.

    Arguments:
        path: what is asked for. Default ``/``.
        port: a port, or ``traffic-port`` (default).
        protocol: ``HTTP`` (default) or ``HTTPS``.
        interval: seconds between checks. Default 30.
        timeout: seconds until a check counts as failed. Default 5.
        healthy: checks in a row that make an unhealthy target healthy. Default 5.
        unhealthy: failures in a row that make a healthy target unhealthy. Default 2.
        matcher: statuses that count as success, such as ``200-299,302``. Default ``200``.
        enabled: whether checks are made. Default true.
    """

    path: str = "/"
    port: str = "traffic-port"
    protocol: str = "HTTP"
    interval: float = 30.0
    timeout: float = 5.0
    healthy: int = 5
    unhealthy: int = 2
    matcher: str = "200"
    enabled: bool = True

    @classmethod
    def from_block(cls, block: Mapping[str, Any]) -> HealthCheck:
        defaults = cls()
        return cls(
            path=str(block.get("path") or defaults.path),
            port=str(block.get("port") or defaults.port),
            protocol=str(block.get("protocol") or defaults.protocol).upper(),
            interval=float(block.get("interval") or defaults.interval),
            timeout=float(block.get("timeout") or defaults.timeout),
            healthy=int(block.get("healthy_threshold") or defaults.healthy),
            unhealthy=int(block.get("unhealthy_threshold") or defaults.unhealthy),
            matcher=str(block.get("matcher") or defaults.matcher),
            enabled=block.get("enabled") is not False,
        )

    def accepts(self, status: int) -> bool:
        """Whether a status counts as success.

        Example:
            >>> HealthCheck(matcher="200-204,301").accepts(202)
            True
        """
        for part in self.matcher.split(","):
            first, _, last = part.strip().partition("-")
            if first.isdigit() and int(first) <= status <= int(last or first):
                return True
        return False


@dataclass(eq=False)
class Target:
    """One registered target."""

    id: str
    host: str
    port: int
    token: str
    state: str = INITIAL
    reason: str = "Elb.RegistrationInProgress"
    description: str = "Target registration is in progress"
    in_flight: int = 0
    passed: int = 0
    failed: int = 0
    checker: asyncio.Task[None] | None = None
    quiet: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def health(self) -> TargetHealth:
        return TargetHealth(self.id, self.host, self.port, self.state, self.reason, self.description)

    def begin(self) -> None:
        """A request goes to it."""
        self.in_flight += 1
        self.quiet.clear()

    def end(self) -> None:
        """The request is over."""
        self.in_flight -= 1
        if self.in_flight == 0:
            self.quiet.set()


OnChange = Callable[[str, TargetHealth], None]


class TargetGroup:
    """One ``aws_lb_target_group``.

    Arguments:
        resource: the target group.
        proxy: makes the health checks.
        time_scale: multiplies interval, timeout and deregistration delay. Default 1, real time.
        on_change: told the group's component and a target's health each time its state changes.
    """

    def __init__(
        self,
        resource: ResolvedResource,
        proxy: Proxy,
        time_scale: float = 1.0,
        on_change: OnChange | None = None,
    ) -> None:
        given = resource.arguments
        self.arn = str(resource.attributes.get("arn") or resource.address)
        self.name = str(given.get("name") or resource.name)
        self.component = resource.component or self.name
        self.target_type = str(given.get("target_type") or "instance")
        self.protocol = str(given.get("protocol") or "HTTP").upper()
        self.check = HealthCheck.from_block(resource.block("health_check"))
        delay = given.get("deregistration_delay")
        self.drain_seconds = float(300 if delay in (None, "") else delay) * time_scale
        sticky = resource.block("stickiness")
        self.sticky = (
            bool(sticky) and sticky.get("enabled") is not False and sticky.get("type") == "lb_cookie"
        )
        self.sticky_seconds = int(sticky.get("cookie_duration") or 86400)
        self.least_outstanding = given.get("load_balancing_algorithm_type") == "least_outstanding_requests"
        self.in_use = False
        self._proxy = proxy
        self._scale = time_scale
        self._on_change = on_change
        self._targets: dict[str, Target] = {}
        self._turn = random.randrange(1 << 16)

    def health(self) -> list[TargetHealth]:
        """Every target's state."""
        if not self.in_use:
            return [
                TargetHealth(
                    target.id,
                    target.host,
                    target.port,
                    UNUSED,
                    "Target.NotInUse",
                    "Target group is not configured to receive traffic from the load balancer",
                )
                for target in self._targets.values()
            ]
        return [target.health() for target in self._targets.values()]

    def register(self, target_id: str, host: str, port: int) -> None:
        """Adds a target; it receives requests after its first successful check."""
        old = self._targets.get(target_id)
        if old is not None:
            if (old.host, old.port) == (host, port) and old.state != DRAINING:
                return
            self._forget(old)
        token = hashlib.sha256(f"{self.arn} {target_id} {host}:{port}".encode()).hexdigest()[:40]
        target = Target(target_id, host, port, token)
        self._targets[target_id] = target
        if not self.check.enabled:
            self._become(target, HEALTHY, "", "")
            return
        self._become(target, INITIAL, "Elb.InitialHealthChecking", "Initial health checks in progress")
        target.checker = asyncio.get_running_loop().create_task(self._watch(target))

    async def deregister(self, target_id: str) -> None:
        """Sends it no new requests, and returns when its running ones are over or the delay has passed."""
        target = self._targets.get(target_id)
        if target is None:
            return
        if target.checker is not None:
            target.checker.cancel()
        self._become(
            target, DRAINING, "Target.DeregistrationInProgress", "Target deregistration is in progress"
        )
        if target.in_flight:
            try:
                async with asyncio.timeout(self.drain_seconds):
                    await target.quiet.wait()
            except TimeoutError:
                pass
        if self._targets.get(target_id) is target:
            self._forget(target)

    def _forget(self, target: Target) -> None:
        if target.checker is not None:
            target.checker.cancel()
        self._targets.pop(target.id, None)

    def stop(self) -> None:
        """Ends the health checks."""
        for target in list(self._targets.values()):
            self._forget(target)

    def pick(self, cookie: str = "") -> Target | None:
        """The target for the next request; None when there is none.

        When every target is unhealthy, all of them are used, as on AWS ("fail open").

        Arguments:
            cookie: the token of the target that a client is bound to.
        """
        able = [target for target in self._targets.values() if target.state == HEALTHY]
        if not able:
            able = [target for target in self._targets.values() if target.state == UNHEALTHY]
            if not able:
                return None
        if cookie:
            for target in able:
                if target.token == cookie:
                    return target
        if self.least_outstanding:
            return min(able, key=lambda target: target.in_flight)
        self._turn += 1
        return able[self._turn % len(able)]

    def _become(self, target: Target, state: str, reason: str, description: str) -> None:
        changed = target.state != state or target.reason != reason
        target.state, target.reason, target.description = state, reason, description
        if changed and self._on_change is not None:
            self._on_change(self.component, target.health())

    async def _watch(self, target: Target) -> None:
        check = self.check
        interval = check.interval * self._scale
        started = time.monotonic()
        while target.state == INITIAL:
            before = time.monotonic()
            failure = await self._probe(target)
            if failure is None:
                # One success is enough for a new target.
                self._become(target, HEALTHY, "", "")
                break
            if time.monotonic() - started >= interval * check.unhealthy:
                self._become(target, UNHEALTHY, *failure)
                break
            await _until(before + min(_FIRST_CHECK_SECONDS, interval))
        while True:
            before = time.monotonic()
            failure = await self._probe(target)
            if failure is None:
                target.passed, target.failed = target.passed + 1, 0
                if target.state == UNHEALTHY and target.passed >= check.healthy:
                    self._become(target, HEALTHY, "", "")
            else:
                target.passed, target.failed = 0, target.failed + 1
                if target.state == UNHEALTHY or target.failed >= check.unhealthy:
                    self._become(target, UNHEALTHY, *failure)
            await _until(before + interval)

    async def _probe(self, target: Target) -> tuple[str, str] | None:
        check = self.check
        port = target.port if check.port == "traffic-port" else int(check.port)
        url = f"{check.protocol.lower()}://{target.host}:{port}{check.path}"
        headers = [(b"user-agent", b"ELB-HealthChecker/2.0")]
        try:
            response = await self._proxy.request("GET", url, headers, b"", check.timeout * self._scale)
        except TargetSilent:
            return "Target.Timeout", "Request timed out"
        except TargetBroken:
            return "Target.FailedHealthChecks", "Health checks failed"
        if check.accepts(response.status):
            return None
        return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{response.status}]"


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
