"""From the graph to the arrows of a picture: who calls, reads, starts and reaches whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from groundsill.diagram.catalog import VERBS, Layer
from groundsill.diagram.model import Edge, EdgeKind, Picture
from groundsill.graph.provisioner import TASK_RUN_TYPE, runs_task
from groundsill.graph.reference import references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import View, is_known

_THROUGH: dict[str, tuple[str, ...]] = {
    # What stands for something else: the arguments that lead there.
    "aws_lambda_alias": ("function_name",), "aws_lb_listener": ("load_balancer_arn",),
    "aws_api_gateway_stage": ("rest_api_id",), "aws_apigatewayv2_stage": ("api_id",),
    "aws_rds_cluster_instance": ("cluster_identifier",), "aws_db_instance": ("replicate_source_db",),
    "aws_cloudwatch_event_rule": ("event_bus_name",), "aws_cognito_user_pool_client": ("user_pool_id",),
}


def edges_of(picture: Picture, view: View) -> list[Edge]:
    """Every arrow, each once, in a stable order. Between two nodes a network path is drawn only where nothing else says more."""
    maker = _Edges(picture, view)
    found = list(dict.fromkeys(maker.edges()))
    # What a role may do repeats what a subscription, a mapping or a destination already says.
    linked = {(edge.source, edge.target) for edge in found}
    found += [edge for edge in _combined(maker.permissions()) if (edge.source, edge.target) not in linked]
    either = {frozenset((edge.source, edge.target)) for edge in found}
    found += dict.fromkeys(edge for edge in maker.network() if frozenset((edge.source, edge.target)) not in either)
    return found


def _combined(edges: Iterable[Edge]) -> list[Edge]:
    """One arrow where several permissions go from one node to another."""
    labels: dict[tuple[str, str, EdgeKind], set[str]] = {}
    for edge in edges:
        labels.setdefault((edge.source, edge.target, edge.kind), set()).update(edge.label.split(", "))
    return [Edge(*key, ", ".join(sorted(verbs))) for key, verbs in labels.items()]


class _Edges:
    def __init__(self, picture: Picture, view: View) -> None:
        self.picture, self.view, self.graph = picture, view, view.graph
        self.verbs: dict[tuple[str, str], str] = {}
        self.attached = self._behind_target_groups()

    def edges(self) -> Iterator[Edge]:
        """What resources of their own say: routes, targets, subscriptions."""
        yield from self._gateways()
        yield from self._load_balancers()
        yield from self._edge_services()
        yield from self._events()

    # -- helpers -------------------------------------------------------------------------------------------------------

    def ends(self, targets: Iterable[Resource], depth: int = 0) -> list[str]:
        """The nodes that resources stand for."""
        found: list[str] = []
        for target in targets:
            if target.address in self.picture.nodes:
                found.append(target.address)
            elif target.type == "aws_lb_target_group":
                found += self.attached.get(target.address, [])
            elif depth < 4:
                for argument in _THROUGH.get(target.type, ()):
                    found += self.ends(self.view.targets(target, argument), depth + 1)
        return list(dict.fromkeys(found))

    def to(self, resource: Resource, *path: str | int) -> list[str]:
        """The nodes that an argument leads to."""
        return self.ends(self.view.targets(resource, *path))

    def between(self, sources: Iterable[str], targets: Iterable[str], kind: EdgeKind, label: str = "") -> Iterator[Edge]:
        reached = list(targets)
        for source in sources:
            for target in reached:
                if source != target:
                    yield Edge(source, target, kind, label)

    def text(self, resource: Resource, *path: str | int) -> str:
        value = self.view.get(resource, *path)
        return str(value) if value is not None and is_known(value) else ""

    # -- requests ------------------------------------------------------------------------------------------------------

    def _behind_target_groups(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for type, path, own in (
            ("aws_ecs_service", ("load_balancer",), ()), ("aws_autoscaling_group", ("target_group_arns",), ()),
            ("aws_lb_target_group_attachment", ("target_group_arn",), ("target_id",)),
            ("aws_autoscaling_attachment", ("lb_target_group_arn",), ("autoscaling_group_name",)),
        ):
            for resource in self.graph.of_type(type):
                ends = [target.address for target in self.view.targets(resource, *own)] if own else [resource.address]
                for group in self.view.targets(resource, *path):
                    found.setdefault(group.address, []).extend(end for end in ends if end in self.picture.nodes)
        return found

    def _gateways(self) -> Iterator[Edge]:
        routes: dict[tuple[str, str], list[str]] = {}
        for route in self.graph.of_type("aws_apigatewayv2_route"):
            for integration in self.view.targets(route, "target"):
                for end in self.to(integration, "integration_uri"):
                    for api in self.to(route, "api_id"):
                        routes.setdefault((api, end), []).append(self.text(route, "route_key"))
        for integration in self.graph.of_type("aws_api_gateway_integration"):
            if self.text(integration, "type") == "MOCK":
                continue
            for end in self.to(integration, "uri"):
                for api in self.to(integration, "rest_api_id"):
                    place = self.view.target(integration, "resource_id")
                    path = self._path(place) if place and place.type == "aws_api_gateway_resource" else "/"
                    routes.setdefault((api, end), []).append(f"{self.text(integration, 'http_method')} {path}")
        for (api, end), keys in routes.items():
            yield Edge(api, end, EdgeKind.INVOKE, keys[0] if len(keys) == 1 else _common(keys))
        for authorizer in self.graph.of_type("aws_apigatewayv2_authorizer", "aws_api_gateway_authorizer"):
            apis = self.to(authorizer, "api_id") or self.to(authorizer, "rest_api_id")
            ends = [*self.to(authorizer, "jwt_configuration"), *self.to(authorizer, "provider_arns"),
                    *self.to(authorizer, "authorizer_uri")]
            yield from self.between(apis, ends, EdgeKind.INVOKE, "authorize")
        for pool in self.graph.of_type("aws_cognito_user_pool"):
            yield from self.between(self.ends([pool]), self.to(pool, "lambda_config"), EdgeKind.INVOKE, "trigger")
            yield from self.between(self.ends([pool]), self.to(pool, "email_configuration"), EdgeKind.DATA, "send mail")

    def _path(self, place: Resource | None) -> str:
        parts: list[str] = []
        while place is not None and len(parts) < 16 and place.type == "aws_api_gateway_resource":
            parts.append(self.text(place, "path_part"))
            place = self.view.target(place, "parent_id")
        return "/" + "/".join(reversed(parts))

    def _load_balancers(self) -> Iterator[Edge]:
        for listener in self.graph.of_type("aws_lb_listener", "aws_alb_listener"):
            label = f":{port}" if (port := self.text(listener, "port")) else ""
            yield from self.between(self.to(listener, "load_balancer_arn"), self.to(listener, "default_action"),
                                    EdgeKind.INVOKE, label)
        for rule in self.graph.of_type("aws_lb_listener_rule", "aws_alb_listener_rule"):
            values = [self._values(block) for block in self.view.blocks(rule, "condition")]
            label = " ".join(value for value in values if value)
            yield from self.between(self.to(rule, "listener_arn"), self.to(rule, "action"), EdgeKind.INVOKE, label)

    @staticmethod
    def _values(block: Any) -> str:
        for name in ("path_pattern", "host_header"):
            inner: Any = block.get(name)
            inner = inner[0] if is_list(inner) and inner else inner
            values: Any = inner.get("values") if is_mapping(inner) else None
            if name == "path_pattern" and is_list(values) and values and is_known(values):
                return str(values[0])
        return ""

    def _edge_services(self) -> Iterator[Edge]:
        for distribution in self.graph.of_type("aws_cloudfront_distribution"):
            yield from self.between([distribution.address], self.to(distribution, "origin"), EdgeKind.INVOKE, "origin")
            yield from self.between(self.to(distribution, "web_acl_id"), [distribution.address], EdgeKind.NETWORK, "filter")
        for record in self.graph.of_type("aws_route53_record"):
            ends = [*self.to(record, "alias"), *self.ends(
                domain for target in self.view.targets(record, "alias") for domain in self._mapped(target))]
            yield from self.between(self.to(record, "zone_id"), ends, EdgeKind.NETWORK, "alias")
        for association in self.graph.of_type("aws_wafv2_web_acl_association"):
            yield from self.between(self.to(association, "web_acl_arn"), self.to(association, "resource_arn"),
                                    EdgeKind.NETWORK, "filter")

    def _mapped(self, domain: Resource) -> Iterator[Resource]:
        """The APIs behind a domain name of API Gateway."""
        if domain.type not in ("aws_api_gateway_domain_name", "aws_apigatewayv2_domain_name"):
            return
        for mapping in self.view.referring(domain, "aws_api_gateway_base_path_mapping", "aws_apigatewayv2_api_mapping"):
            yield from self.view.targets(mapping, "api_id")

    # -- events --------------------------------------------------------------------------------------------------------

    def _events(self) -> Iterator[Edge]:
        invoke = EdgeKind.INVOKE
        for mapping in self.graph.of_type("aws_lambda_event_source_mapping"):
            sources = self.to(mapping, "event_source_arn")
            streamed = any(self.picture.nodes[source].layer is Layer.DATA for source in sources)
            yield from self.between(sources, self.to(mapping, "function_name"), invoke, "stream" if streamed else "consume")
        for target in self.graph.of_type("aws_cloudwatch_event_target"):
            rules = self.view.targets(target, "rule")
            label = next((rule.component or rule.name for rule in rules if rule.address not in self.picture.nodes), "")
            yield from self.between(self.ends(rules), self.to(target, "arn"), invoke, label)
            yield from self.between(self.ends(rules), self.to(target, "dead_letter_config"), invoke, "failed")
        for schedule in self.graph.of_type("aws_scheduler_schedule"):
            yield from self.between([schedule.address], self.to(schedule, "target", "arn"), invoke)
            yield from self.between([schedule.address], self.to(schedule, "target", "dead_letter_config"), invoke, "failed")
        for subscription in self.graph.of_type("aws_sns_topic_subscription"):
            yield from self.between(self.to(subscription, "topic_arn"), self.to(subscription, "endpoint"), invoke, "deliver")
            yield from self.between(self.to(subscription, "topic_arn"), self.to(subscription, "redrive_policy"), invoke, "failed")
        for queue in self.graph.of_type("aws_sqs_queue"):
            times = self.text(queue, "redrive_policy", "maxReceiveCount")
            yield from self.between([queue.address], self.to(queue, "redrive_policy"), invoke,
                                    f"after {times}" if times else "failed")
        for setting in self.graph.of_type("aws_lambda_function_event_invoke_config"):
            yield from self.between(self.to(setting, "function_name"), self.to(setting, "destination_config", "on_failure"),
                                    invoke, "failed")
            yield from self.between(self.to(setting, "function_name"), self.to(setting, "destination_config", "on_success"),
                                    invoke, "done")
        for notice in self.graph.of_type("aws_s3_bucket_notification"):
            for block in ("lambda_function", "queue", "topic"):
                yield from self.between(self.to(notice, "bucket"), self.to(notice, block), invoke, "object created")

    # -- what roles may do ---------------------------------------------------------------------------------------------

    def permissions(self) -> Iterator[Edge]:
        """What the roles of workloads let them do to other nodes."""
        users = self._users_of_roles()
        for role, workloads in users.items():
            for document in self._policies(role):
                for actions, ends in self._statements(document):
                    yield from self._allowed(workloads, actions, ends)

    def _users_of_roles(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}

        def note(workload: str, roles: Iterable[Resource]) -> None:
            for role in roles:
                if role.type == "aws_iam_role":
                    users = found.setdefault(role.address, [])
                    if workload not in users:
                        users.append(workload)

        for function in self.graph.of_type("aws_lambda_function"):
            note(function.address, self.view.targets(function, "role"))
        runs = [(item, "input") for item in self.graph.of_type(TASK_RUN_TYPE) if runs_task(item)]
        for service, argument in [*((item, "task_definition") for item in self.graph.of_type("aws_ecs_service")), *runs]:
            for task in self.view.targets(service, argument):
                note(service.address, self.view.targets(task, "task_role_arn"))
                note(service.address, self.view.targets(task, "execution_role_arn"))
        for machine in self.graph.of_type("aws_instance", "aws_autoscaling_group"):
            templates = [*self.view.targets(machine, "launch_template"), *self.view.targets(machine, "mixed_instances_policy")]
            for holder in (machine, *templates):
                for profile in self.view.targets(holder, "iam_instance_profile"):
                    note(machine.address, self.view.targets(profile, "role"))
        for machine in self.graph.of_type("aws_sfn_state_machine"):
            note(machine.address, self.view.targets(machine, "role_arn"))
        return found

    def _policies(self, role: str) -> Iterator[Any]:
        resource = self.graph[role]
        for policy in self.view.referring(resource, "aws_iam_role_policy"):
            yield self.view.get(policy, "policy", "Statement")
        for attachment in self.view.referring(resource, "aws_iam_role_policy_attachment"):
            for policy in self.view.targets(attachment, "policy_arn"):
                yield self.view.get(policy, "policy", "Statement")

    def _statements(self, document: Any) -> Iterator[tuple[list[str], list[str]]]:
        for statement in document if is_list(document) else [document]:
            if not is_mapping(statement) or statement.get("Effect") != "Allow":
                continue
            actions: Any = statement.get("Action")
            named: list[Any] = list(actions) if is_list(actions) else [actions]
            found = (self.graph.target(reference) for reference in references_in(statement.get("Resource")))
            yield [action for action in named if isinstance(action, str)], self.ends(filter(None, found))

    def _allowed(self, workloads: list[str], actions: list[str], ends: list[str]) -> Iterator[Edge]:
        for end in ends:
            type = self.graph[end].type
            verbs = list(dict.fromkeys([verb for action in actions if (verb := self.verb(action, type))]))
            for workload in workloads:
                if workload == end or not verbs:
                    continue
                if verbs == ["consume"]:
                    yield Edge(end, workload, EdgeKind.INVOKE, "consume")
                    continue
                calls = {"invoke", "start", "push", "publish", "send"} & set(verbs)
                kind = EdgeKind.INVOKE if calls else EdgeKind.DATA
                yield Edge(workload, end, kind, ", ".join(sorted(set(verbs) - {"consume"})))

    def verb(self, action: str, type: str) -> str:
        """What an action on a type is called; systems name few actions, and each many times."""
        if (action, type) not in self.verbs:
            self.verbs[action, type] = _verb(action, type)
        return self.verbs[action, type]

    # -- the network ---------------------------------------------------------------------------------------------------

    def network(self) -> Iterator[Edge]:
        """Paths that security groups open from one node to another."""
        inside: dict[str, list[str]] = {}
        for node in self.picture.nodes:
            resource = self.graph[node]
            templates = [*self.view.targets(resource, "launch_template"), *self.view.targets(resource, "mixed_instances_policy")]
            for holder in (resource, *templates):
                for group in self._groups(holder):
                    inside.setdefault(group, []).append(node)
        for rule in self.graph.of_type("aws_vpc_security_group_ingress_rule", "aws_security_group_rule"):
            if rule.type == "aws_security_group_rule" and self.text(rule, "type") != "ingress":
                continue
            sources = [*self.view.targets(rule, "referenced_security_group_id"),
                       *self.view.targets(rule, "source_security_group_id")]
            port = self.text(rule, "from_port")
            for group in self.view.targets(rule, "security_group_id"):
                yield from self.between(
                    (node for source in sources for node in inside.get(source.address, ())), inside.get(group.address, ()),
                    EdgeKind.NETWORK, f":{port}" if port else "")
        for group in self.graph.of_type("aws_security_group"):
            for block in self.view.blocks(group, "ingress"):
                named = references_in(block.get("security_groups"))
                sources = filter(None, (self.graph.target(reference) for reference in named))
                port: Any = block.get("from_port")
                yield from self.between(
                    (node for source in sources for node in inside.get(source.address, ())), inside.get(group.address, ()),
                    EdgeKind.NETWORK, f":{port}" if isinstance(port, int) else "")

    def _groups(self, resource: Resource) -> list[str]:
        paths = (("security_groups",), ("vpc_security_group_ids",), ("vpc_config",), ("network_configuration",), ("input",),
                 ("security_group_ids",), ("network_interfaces",))
        return list(dict.fromkeys(
            target.address for path in paths for target in self.view.targets(resource, *path)
            if target.type == "aws_security_group"))


def doors(picture: Picture, view: View) -> list[str]:
    """Ids of the nodes that people's requests reach first: nothing in the picture stands before them."""
    reached = {edge.target for edge in picture.edges if picture.nodes[edge.source].layer in (Layer.EDGE, Layer.FRONT)
               and edge.label not in ("authorize", "trigger", "filter")}
    found: list[str] = []
    for node in picture.nodes.values():
        if node.layer not in (Layer.EDGE, Layer.FRONT) or node.service in ("WAF", "NAT gateway"):
            continue
        if node.service == "Elastic Load Balancing" and view.get(view.graph[node.id], "internal") is True:
            continue
        if node.id not in reached:
            found.append(node.id)
    return found


def _common(keys: list[str]) -> str:
    """What several routes have in common: their path so far, else how many they are."""
    paths = sorted({key.partition(" ")[2] or key for key in keys})
    first = paths[0]
    if first != "/" and all(path == first or path.startswith(f"{first}/") for path in paths):
        return f"{first}/*" if len(paths) > 1 else first
    return f"{len(keys)} routes"


def _verb(action: str, type: str) -> str:
    prefix, _, name = action.partition(":")
    if action == "*":
        return "everything"
    # A role names a database where it may read the password that RDS keeps: how it gets in is the network's to say.
    if (prefix == "ses" and "ses" not in type) or (prefix == "secretsmanager" and "secret" not in type):
        return ""
    for service, beginnings, verb in VERBS:
        if service == prefix and (not beginnings or any(
            name.startswith(begin) or begin == name for begin in beginnings.split("|"))):
            return verb
    return ""
