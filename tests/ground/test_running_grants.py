"""Every entry of every `uses` of OpenMetabolics grants its calls, and without it exactly those are denied."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from groundsill.definition.grant import Grant
from groundsill.definition.running import load_system
from groundsill.graph import Graph
from groundsill.ground.aws_api import AwsApi, AwsApiSettings, Credentials
from groundsill.ground.provision.attributes import Place
from groundsill.ground.provision.handlers import HANDLERS
from groundsill.ground.provision.provisioner import Provisioner
from groundsill.ground.supervisor import ACCOUNT_ID

T = TypeVar("T")
SYSTEM = Path(__file__).resolve().parents[2] / "systems" / "open_metabolics"
DENIED = {"AccessDenied", "AccessDeniedException"}


# -- the definition, whole and with one entry less ---------------------------------------------------------------------


@dataclass
class Built:
    """A graph, and what each workload's `uses` held.

    Arguments:
        graph: as the definition makes it.
        uses: grants by workload.
    """

    graph: Graph
    uses: dict[str, list[Grant]] = field(default_factory=dict)


def build(without: tuple[str, int] | None = None) -> Built:
    """The definition run for `dev`; one entry of one workload's `uses` left out where that is asked for."""
    system = load_system(SYSTEM)
    names = system._define.__globals__
    uses: dict[str, list[Grant]] = {}

    def recording(kind: type) -> Callable[..., Any]:
        def make(name: str, /, *arguments: Any, **named: Any) -> Any:
            kept = [entry for number, entry in enumerate(named.get("uses", ())) if (name, number) != without]
            uses[name] = kept
            return kind(name, *arguments, **{**named, "uses": kept})

        return make

    for kind in ("Function", "Service"):
        names[kind] = recording(names[kind])
    return Built(system.build("dev", {}), uses)


@cache
def whole() -> Built:
    return build()


ENTRIES = [(name, number) for name, grants in build().uses.items() for number in range(len(grants))]


def entry_name(entry: tuple[str, int]) -> str:
    name, number = entry
    grant = whole().uses[name][number]
    return f"{name}-{grant.component}.{grant.verb}"


# -- one AWS API for all of them ---------------------------------------------------------------------------------------


class Account:
    """An AWS API in which the whole system has been made."""

    def __init__(self, folder: Path) -> None:
        import botocore.session

        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        graph = whole().graph
        self.place = Place(graph.region, ACCOUNT_ID)
        self.api: AwsApi = self.wait(AwsApi.start(AwsApiSettings(folder / "data", 0, graph.region, ACCOUNT_ID)))
        self._session = botocore.session.Session()
        self.root = self._clients(self.api.root_credentials())
        self._provisioner = Provisioner(graph, self.place, self.root, folder / "attributes.json", variables={}, overrides={})
        self.resolved = self._provisioner.run()
        self.value: Callable[[Any], Any] = self._provisioner.value
        self._workloads: dict[str, Mapping[str, Any]] = {}

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self.wait(self.api.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _clients(self, key: Credentials) -> Any:
        from botocore.config import Config

        # One session for all, since it reads the descriptions of the services once.
        return cache(lambda service: self._session.create_client(
            service, region_name=self.place.region, endpoint_url=self.api.url, config=Config(retries={"max_attempts": 1}),
            aws_access_key_id=key.access_key_id, aws_secret_access_key=key.secret_access_key,
            aws_session_token=key.session_token or None))

    def role_of(self, workload: str) -> str:
        """Terraform address of a workload's own role."""
        for type, argument in (("aws_lambda_function", "role"), ("aws_ecs_task_definition", "task_role_arn")):
            for resource in whole().graph.of_type(type):
                if resource.component == workload:
                    return resource.arguments[argument].address
        raise AssertionError(workload)

    @cache  # noqa: B019  as long as the module
    def clients_of(self, workload: str) -> Callable[[str], Any]:
        """AWS clients with the credentials that a workload gets."""
        arn = self.resolved[self.role_of(workload)].attributes["arn"]
        return self._clients(self.wait(self.api.role_credentials(arn, workload)))

    def give_role(self, workload: str, graph: Graph) -> None:
        """Make a workload's role anew, as a graph describes it."""
        role = self.role_of(workload)
        for resource in graph:
            policy_of = resource.type == "aws_iam_role_policy" and resource.arguments["role"].address == role
            if resource.address == role or policy_of:
                arguments = {name: value for name, value in self.value(resource.arguments).items() if value is not None}
                HANDLERS[resource.type](self.root, self.place, arguments, {})


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    made = Account(tmp_path_factory.mktemp("grants"))
    yield made
    made.close()


# -- every call that a grant may be about ------------------------------------------------------------------------------

Call = tuple[str, str]  # IAM action and ARN


def calls_on_tables(account: Account) -> dict[Call, Callable[[Any], Any]]:
    found: dict[Call, Callable[[Any], Any]] = {}
    for table in account.resolved.of_type("aws_dynamodb_table"):
        name, arn = table.arguments["name"], table.attributes["arn"]
        keys = [table.arguments["hash_key"], table.arguments.get("range_key")]
        key = {part: {"S": "probe"} for part in keys if part}
        equal = {"KeyConditionExpression": "#k = :v", "ExpressionAttributeValues": {":v": {"S": "probe"}}}
        on_table = {"TableName": name, **equal, "ExpressionAttributeNames": {"#k": keys[0]}}
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "BatchGetItem": ("batch_get_item", {"RequestItems": {name: {"Keys": [key]}}}),
            "BatchWriteItem": ("batch_write_item", {"RequestItems": {name: [{"PutRequest": {"Item": key}}]}}),
            "DeleteItem": ("delete_item", {"TableName": name, "Key": key}),
            "GetItem": ("get_item", {"TableName": name, "Key": key}),
            "PutItem": ("put_item", {"TableName": name, "Item": key}),
            "Query": ("query", on_table),
            "Scan": ("scan", {"TableName": name}),
            "UpdateItem": ("update_item", {
                "TableName": name, "Key": key, "UpdateExpression": "SET Probe = :v",
                "ExpressionAttributeValues": {":v": {"S": "1"}}}),
        }
        for action, (method, parameters) in calls.items():
            found[f"dynamodb:{action}", arn] = _caller("dynamodb", method, parameters)
        for index in table.arguments.get("global_secondary_index") or []:
            on_index = {**on_table, "IndexName": index["name"], "ExpressionAttributeNames": {"#k": index["hash_key"]}}
            found["dynamodb:Query", f"{arn}/index/{index['name']}"] = _caller("dynamodb", "query", on_index)
    return found


def calls_on_queues(account: Account) -> dict[Call, Callable[[Any], Any]]:
    found: dict[Call, Callable[[Any], Any]] = {}
    for queue in account.resolved.of_type("aws_sqs_queue"):
        url = {"QueueUrl": queue.attributes["url"]}
        calls: dict[str, tuple[str, dict[str, Any]]] = {
            "ChangeMessageVisibility": ("change_message_visibility", {**url, "ReceiptHandle": "x", "VisibilityTimeout": 0}),
            "DeleteMessage": ("delete_message", {**url, "ReceiptHandle": "x"}),
            "GetQueueAttributes": ("get_queue_attributes", {**url, "AttributeNames": ["QueueArn"]}),
            "GetQueueUrl": ("get_queue_url", {"QueueName": queue.arguments["name"]}),
            "PurgeQueue": ("purge_queue", url),
            "ReceiveMessage": ("receive_message", {**url, "WaitTimeSeconds": 0, "VisibilityTimeout": 0}),
            "SendMessage": ("send_message", {**url, "MessageBody": "probe"}),
        }
        for action, (method, parameters) in calls.items():
            found[f"sqs:{action}", queue.attributes["arn"]] = _caller("sqs", method, parameters)
    return found


def _caller(service: str, method: str, parameters: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda clients: getattr(clients(service), method)(**parameters)


@pytest.fixture(scope="module")
def calls(account: Account) -> dict[Call, Callable[[Any], Any]]:
    return calls_on_tables(account) | calls_on_queues(account)


def allowed(calls: Mapping[Call, Callable[[Any], Any]], clients: Any) -> set[Call]:
    """The calls that are not denied. Any other refusal, of a receipt that is none for example, comes after permission."""
    from botocore.exceptions import ClientError

    found: set[Call] = set()
    for call, make in calls.items():
        try:
            make(clients)
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIED:
                continue
        found.add(call)
    return found


def granted(account: Account, grants: list[Grant], calls: Mapping[Call, Any]) -> set[Call]:
    """The calls that grants are about, by their own words."""
    found: set[Call] = set()
    for grant in grants:
        for statement in grant.statements:
            for resource in account.value(list(statement.resources)):
                for action in statement.actions:
                    assert action in {known for known, _ in calls}, f"no probe for {action}"
                    found |= {call for call in calls if call[0] == action and _covers(resource, call[1])}
    return found


def _covers(resource: str, arn: str) -> bool:
    return arn == resource or (resource.endswith("/index/*") and arn.startswith(resource.removesuffix("*")))


# -- the proofs --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("OM-S03", "OM-C15", "OM-R49", "OM-R51")
@pytest.mark.parametrize("workload", whole().uses)
def test_a_workload_may_do_what_its_uses_say_and_nothing_else(account: Account, calls: dict[Call, Any], workload: str) -> None:
    expected = granted(account, whole().uses[workload], calls)
    assert expected, "it uses something"
    assert allowed(calls, account.clients_of(workload)) == expected


@pytest.mark.requirement("OM-S03", "OM-C15")
@pytest.mark.parametrize("entry", ENTRIES, ids=entry_name)
def test_without_one_entry_exactly_its_calls_are_denied(
    account: Account, calls: dict[Call, Any], entry: tuple[str, int],
) -> None:
    workload, number = entry
    less = build(without=entry)
    before = granted(account, whole().uses[workload], calls)
    lost = before - granted(account, less.uses[workload], calls)
    removed = whole().uses[workload][number]
    assert lost or not removed.statements, "an entry that grants calls is the only one that grants some of them"
    account.give_role(workload, less.graph)
    try:
        assert allowed(calls, account.clients_of(workload)) == before - lost
    finally:
        account.give_role(workload, whole().graph)
    # And back: with the entry they work again.
    assert allowed({call: calls[call] for call in lost}, account.clients_of(workload)) == lost


def test_a_denied_call_says_who_may_not_do_what(account: Account) -> None:
    from botocore.exceptions import ClientError

    clients = account.clients_of("get-user-profile")
    with pytest.raises(ClientError) as refused:
        clients("dynamodb").put_item(TableName="open-metabolics-user-profiles", Item={"UserEmail": {"S": "x"}})
    text = refused.value.response["Error"]["Message"]
    assert "get-user-profile" in text and "dynamodb:PutItem" in text and "open-metabolics-user-profiles" in text
