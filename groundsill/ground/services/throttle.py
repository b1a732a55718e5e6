"""How soon a task that failed is started again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Waiting times of a service here.

    On AWS a task takes half a minute or more to be placed, and a service whose tasks repeatedly fail to start waits up
    to 27 minutes between attempts (Amazon ECS Developer Guide, "Amazon ECS service throttle logic"). Here the first
    attempt is made at once and the waiting ends at one minute, so that whoever mends it does not wait.

    Arguments:
        restart_first: seconds before the second restart in a row; doubles from there. Default 1.
        restart_longest: the most, in seconds. Default 60.
        restart_reset: a task that ran this many seconds has not failed to start. Default 60.
        settle: a task without a load balancer counts as up after this many seconds. Default 1.
        settle_replacement: the same while former tasks run, which are the better ones until then. Default 3.
        port_patience: seconds until a task that does not listen on its port is reported. Default 10.
        tick: seconds between looks at a task's memory and health. Default 0.25.
        drain_on_stop: when the whole service ends, running requests have this many seconds. Default 5.
        failures: tasks that fail until a deployment is given up, at least; half of the desired count where that is more
            (Amazon ECS, "How the deployment circuit breaker detects failures"). Default 3.
    """

    restart_first: float = 1.0
    restart_longest: float = 60.0
    restart_reset: float = 60.0
    settle: float = 1.0
    settle_replacement: float = 3.0
    port_patience: float = 10.0
    tick: float = 0.25
    drain_on_stop: float = 5.0
    failures: int = 3

    def failures_allowed(self, desired: int) -> int:
        """Failed tasks at which a deployment of so many tasks is given up; 200 at most, as on ECS.

        Example:
            >>> Timing().failures_allowed(1), Timing().failures_allowed(25), Timing().failures_allowed(1000)
            (3, 13, 200)
        """
        return min(max(self.failures, -(-desired // 2)), 200)


class RestartThrottle:
    """Delays restarts of tasks that keep failing.

    Arguments:
        timing: the waiting times.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._failures = 0
        self._not_before = 0.0

    def failed(self, now: float, lived: float) -> float:
        """A task failed; returns the seconds until the next may start.

        Arguments:
            now: monotonic time in seconds.
            lived: seconds that the task ran.
        """
        if lived >= self._timing.restart_reset:
            self._failures = 0
        # Beyond some failures the power only overflows.
        power = min(self._failures - 1, 32)
        delay = min(self._timing.restart_longest, self._timing.restart_first * 2.0**power) if self._failures else 0.0
        self._failures += 1
        self._not_before = max(self._not_before, now + delay)
        return delay

    def wait(self, now: float) -> float:
        """Seconds until a task may start; 0 when it may now."""
        return max(0.0, self._not_before - now)

    def reset(self) -> None:
        """Forget the failures: something has changed."""
        self._failures, self._not_before = 0, 0.0
