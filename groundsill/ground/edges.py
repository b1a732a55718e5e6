"""The front doors of a system on this machine: HTTP APIs and load balancers, each on a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundsill.graph import Graph
from groundsill.ground.edge.server import PortTaken, Server, serve
from groundsill.ground.ports import Ports
from groundsill.ground.resolved import ResolvedGraph
from groundsill.ground.workloads import WorkloadEnvironment

Log = Callable[[str, str], None]


class Edges:
    """Every front door of a system.

    The ports are chosen before anything starts, since addresses are values that other resources refer to.

    Arguments:
        graph: the system's graph.
        ports: gives and remembers ports.
        port: port of the first HTTP API; None for a remembered or free one.
        log: takes a component's name and a line.
        certificates: folder of the local certificate authority.
        time_scale: multiplies the waiting times of health checks.
    """

    def __init__(
        self, graph: Graph, ports: Ports, port: int | None, log: Log, certificates: Path, time_scale: float,
    ) -> None:
        self._log, self._certificates, self._time_scale = log, certificates, time_scale
        self._graph = graph
        doors = graph.of_type("aws_apigatewayv2_api", "aws_lb_listener")
        self._ports: dict[str, int] = {}
        for door in doors:
            first = port is not None and not self._ports
            self._ports[door.address] = ports.choose(door.address, port if first else None)
        self._servers: list[Server] = []
        self._closers: list[Callable[[], Any]] = []
        self.targets: Any = None
        self.urls: dict[str, str] = {}
        # Where the system's own host names are on this machine, for example by `https://shop.example`.
        self.local_addresses: dict[str, str] = {}

    def overrides(self) -> dict[str, dict[str, Any]]:
        """Attributes that say where each front door is on this machine, by address."""
        found: dict[str, dict[str, Any]] = {
            address: {"api_endpoint": f"http://127.0.0.1:{port}"}
            for address, port in self._ports.items() if address.startswith("aws_apigatewayv2_api.")
        }
        for listener in self._graph.of_type("aws_lb_listener"):
            for address in self._graph.dependencies(listener.address):
                if address.startswith("aws_lb.") and listener.arguments.get("protocol") != "HTTPS":
                    found.setdefault(address, {"dns_name": f"127.0.0.1:{self._ports[listener.address]}"})
        return found

    async def start(self, resolved: ResolvedGraph, runner: Any, workloads: WorkloadEnvironment) -> None:
        """Start every front door.

        Raises:
            PortTaken: a port is in use.
        """
        from groundsill.ground.edge.http_api import EdgeCallbacks
        from groundsill.ground.edge.http_api_builder import http_apis
        from groundsill.ground.edge.load_balancer import LoadBalancers

        balancers = LoadBalancers(
            resolved, time_scale=self._time_scale, access_log=self._access, log=self._log, on_change=self._health,
        )
        self._closers.append(balancers.stop)
        self.targets = balancers.groups
        for listener in balancers.listeners:
            resource = resolved.find("aws_lb_listener", "arn", listener.arn)
            assert resource is not None
            certificate = self._certificate(resolved, listener) if listener.protocol == "HTTPS" else None
            server = await serve(listener, port=self._ports[resource.address], certificate=certificate)
            self._servers.append(server)
            balancers.served(listener.arn, server.port)
            self.urls[self._listener_name(resolved, listener)] = server.url
            if certificate:
                self.local_addresses |= {f"https://{name}": server.url for name in self._host_names(resolved, listener)}
        apis, refused = http_apis(resolved, EdgeCallbacks(
            invoke=runner.invoke, jwks_url_for=workloads.jwks_url, listener_url=balancers.url, access_log=self._access,
            log=self._log, authority=self._certificates / "authority.pem",
        ))
        for refusal in (*refused, *balancers.refused):
            self._log("edge", f"{refusal.address} does not run: {refusal.reason}")
        by_id = {str(api.attributes["id"]): api for api in resolved.of_type("aws_apigatewayv2_api")}
        for api in apis:
            resource = by_id[api.api_id]
            server = await serve(api, port=self._ports[resource.address])
            self._servers.append(server)
            self._closers.append(api.close)
            self.urls[resource.component or resource.name] = self._api_url(resolved, api.api_id, server.url)

    async def stop(self) -> None:
        """Close every front door."""
        await asyncio.gather(*(server.stop() for server in self._servers))
        for close in self._closers:
            await close()

    def _listener_name(self, resolved: ResolvedGraph, listener: Any) -> str:
        """The component's name; the port too where a load balancer has several listeners."""
        siblings = [item for item in resolved.of_type("aws_lb_listener")
                    if item.arguments.get("load_balancer_arn") == listener.load_balancer_arn]
        return listener.component if len(siblings) == 1 else f"{listener.component}:{listener.port}"

    def _api_url(self, resolved: ResolvedGraph, api_id: str, url: str) -> str:
        for stage in resolved.of_type("aws_apigatewayv2_stage"):
            if stage.arguments.get("api_id") == api_id and stage.arguments["name"] != "$default":
                return f"{url}/{stage.arguments['name']}"
        return url

    def _certificate(self, resolved: ResolvedGraph, listener: Any) -> tuple[str, str]:
        from groundsill.ground.edge.certificates import certificate_for

        names = self._host_names(resolved, listener)
        return certificate_for(self._certificates, (*names, "localhost", "127.0.0.1"))

    def _host_names(self, resolved: ResolvedGraph, listener: Any) -> list[str]:
        certificate = resolved.find("aws_acm_certificate", "arn", listener.certificate_arn)
        if certificate is None:
            return []
        others: list[str] = list(certificate.arguments.get("subject_alternative_names") or [])
        return list(dict.fromkeys([str(certificate.arguments["domain_name"]), *others]))

    def here(self, value: Any) -> Any:
        """A value, with an address of the system's own host names turned to this machine.

        Example:
            ``https://shop.example/orders`` becomes ``https://127.0.0.1:8443/orders`` where that listener is served.
        """
        if not isinstance(value, str):
            return value
        for address, local in self.local_addresses.items():
            if value == address or value.startswith(f"{address}/"):
                return local + value.removeprefix(address)
        return value

    def _health(self, component: str, health: Any) -> None:
        reason = f": {health.description}" if health.description else ""
        self._log(component, f"target {health.target_id} is {health.state}{reason}")

    def _access(self, record: Any) -> None:
        self._log(record.component, f"{record.method} {record.path} {record.status} {record.milliseconds:.1f} ms")


__all__ = ["Edges", "PortTaken"]
