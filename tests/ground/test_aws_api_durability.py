"""What the AWS API acknowledged is there after it was killed, stopped, or its files were damaged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.ground.aws_api import AwsApiError
from groundsill.ground.aws_api.journal import Journal, JournalError, decode, encode
from tests.ground.test_aws_api_support import ACCOUNT, REGION, RunningApi, grant, table


@pytest.fixture
def api(tmp_path: Path) -> Any:
    with RunningApi(tmp_path / "aws") as running:
        yield running


def test_nothing_acknowledged_is_lost_by_kill_9(api: RunningApi) -> None:
    dynamodb, sqs, s3 = api.client("dynamodb"), api.client("sqs"), api.client("s3")
    table(api, "kept")
    key = {"SessionId": {"S": "s"}, "Timestamp": {"S": "1"}}
    dynamodb.put_item(TableName="kept", Item={**key, "b": {"B": b"\x00\xff"}, "l": {"L": [{"NULL": True}]}})
    dynamodb.update_item(TableName="kept", Key=key, UpdateExpression="ADD n :n, tagset :s",
                         ExpressionAttributeValues={":n": {"N": "1.50"}, ":s": {"SS": ["x", "é"]}})
    dynamodb.put_item(TableName="kept", Item={**key, "Timestamp": {"S": "gone"}})
    dynamodb.delete_item(TableName="kept", Key={**key, "Timestamp": {"S": "gone"}})
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "kept", "Item": {**key, "Timestamp": {"S": "2"}}}}])
    address = sqs.create_queue(QueueName="kept", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    for text in ("taken", "waiting", "deleted"):
        sqs.send_message(QueueUrl=address, MessageBody=text)
    taken = sqs.receive_message(QueueUrl=address)["Messages"][0]
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="a/b é", Body=b"object", Metadata={"m": "1"})
    api.client("sesv2").create_email_identity(EmailIdentity="app@example.com")
    api.client("ses").send_email(Source="app@example.com", Destination={"ToAddresses": ["a@b.c"]},
                                 Message={"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}})
    api.client("secretsmanager").create_secret(Name="kept", SecretString="x")
    api.client("logs").create_log_group(logGroupName="/kept")
    api.client("sns").create_topic(Name="kept")
    role = api.role("kept", grant("dynamodb:GetItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/kept"))
    before = dynamodb.scan(TableName="kept")["Items"]
    port = api.api.port

    api.kill()

    assert api.api.port == port
    assert dynamodb.scan(TableName="kept")["Items"] == before
    assert [item["Timestamp"]["S"] for item in before] == ["1", "2"]
    assert dynamodb.describe_table(TableName="kept")["Table"]["ItemCount"] == 2
    assert dynamodb.query(TableName="kept", KeyConditionExpression="SessionId = :s",
                          ExpressionAttributeValues={":s": {"S": "s"}})["Count"] == 2
    sqs.delete_message(QueueUrl=address, ReceiptHandle=taken["ReceiptHandle"])
    left = [sqs.receive_message(QueueUrl=address)["Messages"][0]["Body"] for _ in range(2)]
    assert left == ["waiting", "deleted"]
    assert "Messages" not in sqs.receive_message(QueueUrl=address)
    stored = s3.get_object(Bucket="kept", Key="a/b é")
    assert (stored["Body"].read(), stored["Metadata"]) == (b"object", {"m": "1"})
    assert [mail["subject"] for mail in api.mail("a@b.c")] == ["s"]
    assert api.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "x"
    assert api.client("logs").describe_log_groups()["logGroups"][0]["logGroupName"] == "/kept"
    assert len(api.client("sns").list_topics()["Topics"]) == 1
    api.client("dynamodb", role).get_item(TableName="kept", Key=key)  # the workload's credentials too


def test_what_was_deleted_stays_deleted(api: RunningApi) -> None:
    dynamodb, sqs = api.client("dynamodb"), api.client("sqs")
    table(api, "gone")
    dynamodb.put_item(TableName="gone", Item={"SessionId": {"S": "s"}, "Timestamp": {"S": "1"}})
    address = sqs.create_queue(QueueName="purged")["QueueUrl"]
    sqs.send_message(QueueUrl=address, MessageBody="x")
    api.kill()
    dynamodb.delete_table(TableName="gone")
    sqs.purge_queue(QueueUrl=address)
    api.kill()
    assert dynamodb.list_tables()["TableNames"] == []
    assert "Messages" not in sqs.receive_message(QueueUrl=address)
    table(api, "gone")
    api.kill()
    assert dynamodb.scan(TableName="gone")["Count"] == 0


def test_everything_is_there_after_a_clean_stop_on_another_port(tmp_path: Path) -> None:
    with RunningApi(tmp_path) as first:
        address = first.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        first.client("sqs").send_message(QueueUrl=address, MessageBody="x")
        table(first, "kept")
        root = first.root
    started = time.monotonic()
    with RunningApi(tmp_path) as second:
        assert second.root == root
        address = second.client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
        assert address.startswith(second.url)
        assert second.client("sqs").receive_message(QueueUrl=address)["Messages"][0]["Body"] == "x"
        assert second.client("dynamodb").list_tables()["TableNames"] == ["kept"]
    assert time.monotonic() - started < 10


def test_requests_during_a_restart_wait_instead_of_failing(api: RunningApi) -> None:
    assert api.api.pid is not None
    os.kill(api.api.pid, signal.SIGKILL)
    api.run(api.api.crashed())
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.client("dynamodb").list_tables)
        api.run(api.api.restart())
        assert waiting.result(20)["TableNames"] == []


def test_the_server_ends_with_its_parent(tmp_path: Path) -> None:
    code = ("import asyncio, os, sys\nfrom pathlib import Path\nfrom groundsill.ground.aws_api import *\n"
            "async def go():\n"
            "    api = await AwsApi.start(AwsApiSettings(Path(sys.argv[1])))\n"
            "    print(api.pid, flush=True)\n    os.kill(os.getpid(), 9)\nasyncio.run(go())\n")
    found = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    child = int(found.stdout)
    deadline = time.monotonic() + 10
    while _alive(child):
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.02)
    with RunningApi(tmp_path) as again:  # its folder is free again
        assert again.client("dynamodb").list_tables()["TableNames"] == []


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_runs_alone_and_prints_how_to_use_it(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-m", "groundsill.ground.aws_api", "--data", str(tmp_path)],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(8)]
    assert any(line.startswith("export AWS_ENDPOINT_URL=http://127.0.0.1:") for line in lines)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty directory in its place"])
def test_damaged_data_is_reported_and_never_silently_empty(tmp_path: Path, damage: str) -> None:
    directory = tmp_path / "aws"
    with RunningApi(directory) as api:
        table(api, "kept")
        for number in range(50):
            api.client("dynamodb").put_item(TableName="kept", Item={
                "SessionId": {"S": "s"}, "Timestamp": {"S": str(number)}, "x": {"S": "y" * 2000}})
    state = directory / "aws-state.sqlite"
    if damage == "truncated":
        state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])
    elif damage == "garbage":
        state.write_bytes(b"not a database" * 1000)
    else:
        state.unlink()
        state.mkdir()
    with pytest.raises(AwsApiError, match=r"aws-state\.sqlite cannot be read"):
        RunningApi(directory)


def test_a_call_cut_off_in_the_middle_of_its_write_leaves_nothing_in_part(tmp_path: Path) -> None:
    with RunningApi(tmp_path) as api:
        table(api, "kept")
        item = {"SessionId": {"S": "s"}, "Timestamp": {"S": "1"}}
        api.client("dynamodb").put_item(TableName="kept", Item=item)
        assert api.api.pid is not None
        os.kill(api.api.pid, signal.SIGKILL)
        api.run(api.api.crashed())
        log = tmp_path / "aws-state.sqlite-wal"
        log.write_bytes(log.read_bytes() + b"\x01" * 3000)  # a torn write at the end
        api.run(api.api.restart())
        assert api.client("dynamodb").scan(TableName="kept")["Items"] == [item]


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "root-credentials.json").write_text("{")
    with pytest.raises(AwsApiError, match=r"root-credentials\.json is damaged"):
        RunningApi(tmp_path)


def test_stored_files_are_their_owners_alone(api: RunningApi) -> None:
    table(api, "kept")
    for name in ("aws-state.sqlite", "root-credentials.json"):
        assert (api.directory / name).stat().st_mode & 0o077 == 0


# The journal alone

plain = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
                     lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
                     max_leaves=10)


@given(plain)
def test_plain_data_comes_back_as_it_was_stored(value: Any) -> None:
    assert decode(encode(value)) == value


def test_stored_code_is_never_run(tmp_path: Path) -> None:
    import pickle

    class Harm:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "harm"),)

    with pytest.raises(pickle.UnpicklingError):
        decode(pickle.dumps(Harm()))
    assert not (tmp_path / "harm").exists()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["put", "delete", "drop"]), st.integers(0, 3), st.integers(0, 5))))
def test_the_journal_equals_a_dictionary(
        tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[str, int, int]]) -> None:
    path = tmp_path_factory.mktemp("journal") / "j.sqlite"
    expected: dict[tuple[str, str], bytes] = {}
    journal = Journal(path)
    for number, (call, name, key) in enumerate(calls):
        place = (f"t{name}", str(key))
        if call == "put":
            expected[place] = json.dumps(number).encode()
            journal.commit(items=[(place, expected[place])])
        elif call == "delete":
            expected.pop(place, None)
            journal.commit(gone_items=[place])
        else:
            expected = {k: v for k, v in expected.items() if k[0] != place[0]}
            journal.commit(gone_tables=[place[0]])
    assert {(t, k): v for t, k, v in Journal(path).items()} == expected
    journal.close()


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    import sqlite3

    Journal(tmp_path / "j.sqlite").close()
    with sqlite3.connect(tmp_path / "j.sqlite") as database:
        database.execute("PRAGMA user_version=99")
    with pytest.raises(JournalError, match="its format is 99"):
        Journal(tmp_path / "j.sqlite")


def test_a_full_disk_stores_nothing_in_part_and_says_so(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    journal.commit(items=[(("t", "a"), b"1")])
    journal._database.execute("PRAGMA max_page_count=8")
    with pytest.raises(JournalError, match="cannot write"):
        journal.commit(items=[(("t", "b"), b"2"), (("t", "c"), b"3" * 100_000)])
    assert [key for _, key, _ in journal.items()] == ["a"]
    journal.commit(items=[(("t", "d"), b"4")])
    assert [key for _, key, _ in journal.items()] == ["a", "d"]
