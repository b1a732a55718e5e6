"""All target groups of a system, where running services register."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from groundsill.ground.edge.proxy import Proxy
from groundsill.ground.edge.targets import TargetGroup, TargetHealth


class TargetGroups:
    """All target groups of a system, by ARN; the service supervisor registers its processes here.

    Example::

        groups.register(group_arn, "task-1", "127.0.0.1", 40321)
        await groups.deregister(group_arn, "task-1")    # returns when it is drained
    """

    def __init__(self, groups: Iterable[TargetGroup], proxy: Proxy) -> None:
        self._groups = {group.arn: group for group in groups}
        self._proxy = proxy

    def __getitem__(self, arn: str) -> TargetGroup:
        return self._groups[arn]

    def __contains__(self, arn: object) -> bool:
        return arn in self._groups

    def __iter__(self) -> Iterator[TargetGroup]:
        return iter(self._groups.values())

    def register(self, target_group_arn: str, target_id: str, host: str, port: int) -> None:
        """Registers a target; it gets requests after its first successful health check."""
        self._groups[target_group_arn].register(target_id, host, port)

    async def deregister(self, target_group_arn: str, target_id: str) -> None:
        """Deregisters a target; returns when its requests are over or the deregistration delay has passed."""
        await self._groups[target_group_arn].deregister(target_id)

    def health(self, target_group_arn: str) -> list[TargetHealth]:
        """The state of every target of a group."""
        return self._groups[target_group_arn].health()

    async def stop(self) -> None:
        """Ends all health checks and connections to targets."""
        for group in self._groups.values():
            group.stop()
        await self._proxy.close()
