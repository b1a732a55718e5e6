"""SQS on the ground: what a worker and the one who looks after its dead letters meet."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest

from tests.ground.test_aws_api_support import ACCOUNT, REGION, RunningApi, grant, refusal

ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with RunningApi(tmp_path_factory.mktemp("aws")) as running:
        yield running


def queues(api: RunningApi, name: str, receives: int = 3, visibility: int = 0) -> tuple[Any, str, str]:
    sqs = api.client("sqs")
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    main = sqs.create_queue(QueueName=name, Attributes={
        "VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(
            {"deadLetterTargetArn": f"{ARN}:{name}-dead", "maxReceiveCount": receives})})["QueueUrl"]
    return sqs, main, dead


def bodies(answer: dict[str, Any]) -> list[str]:
    return [message["Body"] for message in answer.get("Messages", [])]


@pytest.mark.requirement("OM-B18")
def test_a_waiting_receiver_gets_a_message_at_once(api: RunningApi) -> None:
    sqs, main, _ = queues(api, "at-once", visibility=30)
    got: list[tuple[float, list[str]]] = []

    def receive() -> None:
        answer = api.client("sqs").receive_message(QueueUrl=main, WaitTimeSeconds=20)
        got.append((time.monotonic(), bodies(answer)))

    waiting = threading.Thread(target=receive)
    waiting.start()
    _until_waiting(api, main)
    sent = time.monotonic()
    sqs.send_message(QueueUrl=main, MessageBody="job")
    waiting.join(10)
    assert got[0][1] == ["job"]
    assert got[0][0] - sent < 0.5


def _until_waiting(api: RunningApi, address: str) -> None:
    """The receiver's client needs a moment to be made; a short wait of our own shows the server is up to it."""
    api.client("sqs").receive_message(QueueUrl=address, WaitTimeSeconds=1)


def test_a_long_poll_ends_empty_when_nothing_comes(api: RunningApi) -> None:
    sqs, main, _ = queues(api, "empty")
    started = time.monotonic()
    assert bodies(sqs.receive_message(QueueUrl=main, WaitTimeSeconds=1)) == []
    assert 0.9 < time.monotonic() - started < 3


def test_a_hidden_message_comes_back_after_its_visibility_timeout_even_to_one_who_waits(api: RunningApi) -> None:
    sqs, main, _ = queues(api, "hidden", visibility=1)
    sqs.send_message(QueueUrl=main, MessageBody="job")
    assert bodies(sqs.receive_message(QueueUrl=main)) == ["job"]
    assert bodies(sqs.receive_message(QueueUrl=main)) == []
    started = time.monotonic()
    again = sqs.receive_message(QueueUrl=main, WaitTimeSeconds=10, MessageSystemAttributeNames=["All"])
    assert bodies(again) == ["job"]
    assert again["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "2"
    assert time.monotonic() - started < 3


def test_visibility_can_be_prolonged_and_given_up(api: RunningApi) -> None:
    sqs, main, _ = queues(api, "changed", visibility=1)
    sqs.send_message(QueueUrl=main, MessageBody="job")
    handle = sqs.receive_message(QueueUrl=main)["Messages"][0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=main, ReceiptHandle=handle, VisibilityTimeout=100)
    assert bodies(sqs.receive_message(QueueUrl=main, WaitTimeSeconds=2)) == []
    sqs.change_message_visibility(QueueUrl=main, ReceiptHandle=handle, VisibilityTimeout=0)
    assert bodies(sqs.receive_message(QueueUrl=main)) == ["job"]


@pytest.mark.requirement("OM-B20", "OM-R36")
def test_after_three_receives_a_message_is_a_dead_letter(api: RunningApi) -> None:
    sqs, main, dead = queues(api, "poison")
    sqs.send_message(QueueUrl=main, MessageBody="poison")
    for _ in range(3):
        assert bodies(sqs.receive_message(QueueUrl=main)) == ["poison"]
    assert bodies(sqs.receive_message(QueueUrl=main)) == []
    letter = sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"])["Messages"][0]
    assert letter["Body"] == "poison"
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == f"{ARN}:poison"


@pytest.mark.requirement("OM-B22")
def test_dead_letters_can_be_moved_back(api: RunningApi) -> None:
    sqs, main, dead = queues(api, "redriven", receives=1)
    for number in range(3):
        sqs.send_message(QueueUrl=main, MessageBody=str(number))
    for _ in range(4):
        sqs.receive_message(QueueUrl=main, MaxNumberOfMessages=10)
    source = f"{ARN}:redriven-dead"
    assert sqs.start_message_move_task(SourceArn=source)["TaskHandle"]
    task = sqs.list_message_move_tasks(SourceArn=source)["Results"][0]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 3)
    back = sqs.receive_message(QueueUrl=main, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    assert sorted(bodies(back)) == ["0", "1", "2"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in back["Messages"]} == {"1"}
    assert bodies(sqs.receive_message(QueueUrl=dead)) == []


def test_a_slow_redrive_can_be_cancelled_and_only_one_runs(api: RunningApi) -> None:
    sqs, main, _ = queues(api, "slow", receives=1)
    for number in range(5):
        sqs.send_message(QueueUrl=main, MessageBody=str(number))
    for _ in range(6):
        sqs.receive_message(QueueUrl=main, MaxNumberOfMessages=10)
    source = f"{ARN}:slow-dead"
    handle = sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    assert "already a task running" in refusal(lambda: sqs.start_message_move_task(SourceArn=source))[1]
    assert sqs.list_message_move_tasks(SourceArn=source)["Results"][0]["TaskHandle"] == handle
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] < 5
    assert sqs.list_message_move_tasks(SourceArn=source)["Results"][0]["Status"] == "CANCELLED"


def test_redrive_needs_a_dead_letter_queue_and_a_grant(api: RunningApi) -> None:
    sqs, _, _ = queues(api, "guarded")
    assert "Dead Letter Queue" in refusal(lambda: sqs.start_message_move_task(SourceArn=f"{ARN}:guarded"))[1]
    worker = api.client("sqs", api.role("no-redrive", grant("sqs:ReceiveMessage", f"{ARN}:guarded-dead")))
    code, text = refusal(lambda: worker.start_message_move_task(SourceArn=f"{ARN}:guarded-dead"))
    assert (code, f"{ARN}:guarded-dead" in text) == ("AccessDenied", True)


def test_deleting_twice_is_harmless_and_a_made_up_handle_is_not(api: RunningApi) -> None:
    sqs, main, _ = queues(api, "twice", visibility=30)
    sqs.send_message(QueueUrl=main, MessageBody="job")
    handle = sqs.receive_message(QueueUrl=main)["Messages"][0]["ReceiptHandle"]
    sqs.delete_message(QueueUrl=main, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=main, ReceiptHandle=handle)
    batch = sqs.delete_message_batch(QueueUrl=main, Entries=[{"Id": "1", "ReceiptHandle": handle},
                                                            {"Id": "2", "ReceiptHandle": "made-up"}])
    assert [entry["Id"] for entry in batch["Successful"]] == ["1"]
    assert [entry["Id"] for entry in batch["Failed"]] == ["2"]
    assert refusal(lambda: sqs.delete_message(QueueUrl=main, ReceiptHandle="made-up"))[0] == "ReceiptHandleIsInvalid"


def test_messages_end_after_their_retention(api: RunningApi) -> None:
    sqs = api.client("sqs")
    assert refusal(lambda: sqs.create_queue(QueueName="short", Attributes={"MessageRetentionPeriod": "1"}))[0] in (
        "InvalidAttributeValue", "InvalidParameterValue")
    kept = sqs.create_queue(QueueName="kept-an-hour", Attributes={"MessageRetentionPeriod": "3600"})["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=kept, AttributeNames=["All"])["Attributes"]
    assert attributes["MessageRetentionPeriod"] == "3600"


def test_a_message_is_not_given_to_a_worker_that_was_killed_while_it_waited(api: RunningApi) -> None:
    sqs, main, _ = queues(api, "killed", visibility=600)
    credentials = api.root
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Signer

    body = json.dumps({"QueueUrl": main, "WaitTimeSeconds": 20})
    request = AWSRequest("POST", api.url + "/", data=body, headers={
        "X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"})
    SigV4Auth(Signer(credentials.access_key_id, credentials.secret_access_key), "sqs", REGION).add_auth(request)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection(("127.0.0.1", api.api.port)) as worker:
        worker.sendall(f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{api.api.port}\r\n{head}Content-Length: {len(body)}\r\n"
                       f"\r\n{body}".encode())
        worker.settimeout(0.3)
        with pytest.raises(TimeoutError):
            worker.recv(1)  # it waits
    # The worker is gone. Give the server the sight of it, then send: the message must be there for the next worker.
    bodies(sqs.receive_message(QueueUrl=main, WaitTimeSeconds=1))
    sqs.send_message(QueueUrl=main, MessageBody="job")
    assert bodies(sqs.receive_message(QueueUrl=main)) == ["job"]
