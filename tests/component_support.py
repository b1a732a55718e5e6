"""Systems for tests of components: one of every component, wired, in any tier and stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from groundsill import Stage, System
from groundsill import components as c
from groundsill.graph import Diagnostics, Graph, Resource, resolve

STAGES = {"dev": "basic", "staging": "standard", "prod": "standard", "prod-strict": "enterprise", "lab": "enterprise"}


def examine(
    define: Callable[[Stage], Any], stage: str = "dev", *, name: str = "shop", stages: Mapping[str, str] = STAGES,
    tier: str | None = None, **arguments: Any,
) -> tuple[Graph, Diagnostics]:
    """The graph of a definition and its mistakes."""
    system = System(name, stages=stages, **arguments)
    system.define(define)
    return system.examine(stage, tier=tier)


def build(define: Callable[[Stage], Any], stage: str = "dev", **arguments: Any) -> Graph:
    """The graph of a definition without mistakes."""
    graph, diagnostics = examine(define, stage, **arguments)
    assert not list(diagnostics), "\n".join(item.render() for item in diagnostics)
    return graph


def plain(value: Any) -> Any:
    """A value with references as ``${...}`` and JSON documents as structures."""
    return resolve(value, lambda reference: f"${{{reference.expression}}}", json_text=False)


def arguments(resource: Resource) -> dict[str, Any]:
    """A resource's arguments as Terraform would see them."""
    return plain(resource.arguments)


def everything(stage: Stage) -> SimpleNamespace:
    """One of every component with every option that makes further resources."""
    key = c.Key("own-key", services=("logs.us-east-1.amazonaws.com",))
    orders = c.Table("orders", key=("Id", "At"), indexes=[c.Index("ByUser", ("User", "At")), c.Index("ByDay", ("Day",))],
                     time_to_live="Gone", stream=True)
    secret = c.Table("secret", key="Id", encryption=key)
    dead = c.Queue("jobs-dead")
    jobs = c.Queue("jobs", visibility="1m", dead_letter=dead)
    locked = c.Queue("locked", encryption=key)
    sender = c.EmailSender("sender", "no-reply@shop.example")
    users = c.UserPool("users", email=sender, attributes=("given_name",))
    users.client("app")
    save = c.Function("save", "functions.save:handle", uses=[
        orders.write, orders.read, secret.read_write, jobs.send, locked.consume, sender.send, users.manage])
    api = c.HttpApi("api", authorizer=users, cors=c.Cors(["https://shop.example"]))
    api.route("POST /orders", save).route("GET /orders/{id}", save).route("GET /open", save, authorize=False)
    network = c.Network("main", zones=3, endpoints=("sqs",))
    alone = c.Network("alone", cidr="10.1.0.0/16", nat=0)
    cluster = c.Cluster("cluster")
    image = c.Container("image", command=("python", "-m", "app"), encryption=key)
    web = c.Service("web", image, network.private, cluster=cluster, port=8080, uses=[jobs.send, users.verify, save.invoke])
    worker = c.Service("worker", image, network.private, cluster=cluster, scale=jobs.backlog(per_task=5, max=4),
                       uses=[jobs.consume, dead.redrive, orders.scan])
    front = c.LoadBalancer("front", network.public, domain="shop.example", zone="Z123")
    front.route("/*", web)
    back = c.LoadBalancer("back", network.private)
    back.route("/api/*", web, host="api.shop.example")
    api.route("ANY /back/{proxy+}", back)
    alerts = c.Alerts("alerts", email="ops@shop.example")
    backups = c.BackupPlan("daily", protects=[orders, secret])
    deployer = c.Deployer("deployer", repository="acme/shop")
    c.output("address", api.url, "Where it is")
    return SimpleNamespace(**{name: value for name, value in locals().items() if name != "stage"})
