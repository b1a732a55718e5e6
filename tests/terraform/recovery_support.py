"""A system of many kinds of resources that is deployed, and what there is of it in AWS afterwards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .deploy_support import BUCKET, Shop, client

DEFINITION = '''
from groundsill import Stage, System
from groundsill.components import Function, HttpApi, Network, Queue, Table, Topic, UserPool

system = System("{name}", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    orders = Table("orders", key="Id")
    jobs = Queue("jobs", dead_letter=None)
    news = Topic("news")
    users = UserPool("users")
    users.client("app", sign_in=["srp"])
    api = HttpApi("api", authorizer=users)
    api.route("POST /orders", Function("save", "functions.save:save", uses=[orders.write, jobs.send, news.publish]))
    Network("main", zones=2, nat=0, endpoints=[])
'''


QUICK = '''
from groundsill import Stage, System
from groundsill.components import HttpApi, Network, Table, Topic, UserPool, output

system = System("{name}", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    orders = Table("orders", key="Id")
    Topic("news")
    users = UserPool("users")
    users.client("app", sign_in=["srp"])
    HttpApi("api", authorizer=users)
    Network("main", zones=1, nat=0, endpoints=[])
    output("table", orders.resource["name"], "The table")
'''


class Quick(Shop):
    """A table, a topic, users, an HTTP API and a network: what the provider makes without waiting."""

    def define(self, table: str = "", more: str = "") -> None:
        (self.folder / "system.py").write_text(QUICK.format(name=self.name) + more)


class Wide(Shop):
    """A system of a table, a queue, a topic, users, an HTTP API with a function, and a network."""

    def define(self, table: str = "", more: str = "") -> None:
        (self.folder / "system.py").write_text(DEFINITION.format(name=self.name) + more)
        (self.folder / "functions").mkdir(exist_ok=True)
        (self.folder / "functions" / "save.py").write_text("def save(event, context):\n    return {}\n")


def state_of(api: dict[str, str], name: str) -> dict[str, Any]:
    """The state as it is in the bucket."""
    body = client(api, "s3").get_object(Bucket=BUCKET, Key=f"{name}/dev.tfstate")["Body"].read()
    return json.loads(body)


def addresses(state: dict[str, Any]) -> list[str]:
    """Everything that a state has."""
    return sorted(f"{item['type']}.{item['name']}" for item in state["resources"]
                  if item["mode"] == "managed" and item["instances"])


def inventory(api: dict[str, str], name: str) -> Counter[str]:
    """How many of each kind there are of a system, as AWS itself lists them."""
    mine = f"{name}-dev"
    found: Counter[str] = Counter()
    found["tables"] = sum(item.startswith(mine) for item in client(api, "dynamodb").list_tables()["TableNames"])
    found["queues"] = len(client(api, "sqs").list_queues(QueueNamePrefix=mine).get("QueueUrls", []))
    found["buckets"] = sum(item["Name"].startswith(mine) for item in client(api, "s3").list_buckets()["Buckets"])
    topics = client(api, "sns").list_topics()["Topics"]
    found["topics"] = sum(f":{mine}" in item["TopicArn"] for item in topics)
    roles = client(api, "iam").list_roles()["Roles"]
    found["roles"] = sum(item["RoleName"].startswith(mine) for item in roles)
    found["functions"] = sum(item["FunctionName"].startswith(mine)
                             for item in client(api, "lambda").list_functions()["Functions"])
    found["mappings"] = sum(f":{mine}" in item["FunctionArn"]
                            for item in client(api, "lambda").list_event_source_mappings()["EventSourceMappings"])
    pages = client(api, "logs").get_paginator("describe_log_groups").paginate()
    found["log groups"] = sum(mine in item["logGroupName"] for page in pages for item in page["logGroups"])
    users = client(api, "cognito-idp")
    pools = [item["Id"] for item in users.list_user_pools(MaxResults=60)["UserPools"] if item["Name"].startswith(mine)]
    found["user pools"] = len(pools)
    found["clients"] = sum(len(users.list_user_pool_clients(UserPoolId=pool, MaxResults=60)["UserPoolClients"])
                           for pool in pools)
    gateways = client(api, "apigatewayv2")
    for item in gateways.get_apis()["Items"]:
        if item["Name"].startswith(mine):
            found["apis"] += 1
            found["routes"] += len(gateways.get_routes(ApiId=item["ApiId"])["Items"])
            found["integrations"] += len(gateways.get_integrations(ApiId=item["ApiId"])["Items"])
            found["authorizers"] += len(gateways.get_authorizers(ApiId=item["ApiId"])["Items"])
    machines = client(api, "ec2")
    ours = [{"Name": "tag:System", "Values": [name]}]
    found["vpcs"] = len(machines.describe_vpcs(Filters=ours)["Vpcs"])
    found["subnets"] = len(machines.describe_subnets(Filters=ours)["Subnets"])
    found["gateways"] = len(machines.describe_internet_gateways(Filters=ours)["InternetGateways"])
    tables = machines.describe_route_tables(Filters=ours)["RouteTables"]
    found["route tables"] = len(tables)
    found["associations"] = sum(len(_associations(table)) for table in tables)
    return found


def _associations(table: Mapping[str, Any]) -> list[str]:
    return [item["RouteTableAssociationId"] for item in table["Associations"] if item.get("SubnetId")]


def without_association(api: dict[str, str], name: str) -> None:
    """Take one subnet away from its route table: it was begun, and AWS had not made it yet."""
    machines = client(api, "ec2")
    tables = machines.describe_route_tables(Filters=[{"Name": "tag:System", "Values": [name]}])["RouteTables"]
    machines.disassociate_route_table(AssociationId=next(item for table in tables for item in _associations(table)))


def without_state(api: dict[str, str], shop: Shop, traces: Path, *, made: bool) -> None:
    """Put the stage where it would be, had Terraform been killed before it wrote any state.

    Arguments:
        api: where the state is.
        shop: a deployed system.
        traces: what Terraform said while it deployed.
        made: whether Terraform still said that things were made; else only that they were begun.
    """
    client(api, "s3").delete_object(Bucket=BUCKET, Key=f"{shop.name}/dev.tfstate")
    lines = traces.read_text().splitlines(keepends=True)
    kept = [line for line in lines if made or '"apply_complete"' not in line]
    (shop.terraform / "events.jsonl").write_text("".join(kept))
