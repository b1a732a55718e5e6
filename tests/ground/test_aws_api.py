"""The AWS API of the ground as its callers see it: real process, real SDK."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from groundsill.ground.aws_api import AwsApiError, Credentials, environment_for
from tests.ground.test_aws_api_support import ACCOUNT, REGION, RunningApi, grant, refusal, table

TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table"
ITEM = {"SessionId": {"S": "s1"}, "Timestamp": {"S": "1"}, "UserEmail": {"S": "ann@example.com"}}
KEY = {"SessionId": {"S": "s1"}, "Timestamp": {"S": "1"}}
BY_EMAIL: dict[str, Any] = {
    "TableName": "granted", "IndexName": "UserEmailIndex", "KeyConditionExpression": "UserEmail = :e",
    "ExpressionAttributeValues": {":e": {"S": "ann@example.com"}},
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with RunningApi(tmp_path_factory.mktemp("aws")) as running:
        table(running, "granted")
        table(running, "other")
        yield running


def test_importing_the_package_loads_neither_sdk_nor_emulator() -> None:
    code = ("import sys, groundsill.ground.aws_api; "
            "print([m for m in ('boto3', 'botocore', 'ministack', 'uvicorn') if m in sys.modules])")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.requirement("OM-R49")
@pytest.mark.parametrize(("actions", "call"), [
    ("dynamodb:PutItem", lambda c: c.put_item(TableName="granted", Item=ITEM)),
    ("dynamodb:GetItem", lambda c: c.get_item(TableName="granted", Key=KEY)),
    ("dynamodb:DeleteItem", lambda c: c.delete_item(TableName="granted", Key=KEY)),
    ("dynamodb:UpdateItem", lambda c: c.update_item(
        TableName="granted", Key=KEY, UpdateExpression="SET a = :a", ExpressionAttributeValues={":a": {"N": "1"}})),
    ("dynamodb:Scan", lambda c: c.scan(TableName="granted")),
    ("dynamodb:BatchWriteItem", lambda c: c.batch_write_item(RequestItems={"granted": [{"PutRequest": {"Item": ITEM}}]})),
    ("dynamodb:BatchGetItem", lambda c: c.batch_get_item(RequestItems={"granted": {"Keys": [KEY]}})),
    ("dynamodb:DescribeTable", lambda c: c.describe_table(TableName="granted")),
])
def test_a_role_can_make_exactly_the_table_call_it_is_granted(api: RunningApi, actions: str, call: Any) -> None:
    name = actions.replace(":", "-")
    call(api.client("dynamodb", api.role(f"has-{name}", grant(actions, f"{TABLE}/granted"))))
    for lacking in (grant("dynamodb:ListTables", "*"), grant(actions, f"{TABLE}/other")):
        code, message = refusal(lambda: call(api.client("dynamodb", api.role(f"no-{name}", lacking))))  # noqa: B023
        assert code == "AccessDeniedException"
        assert f"not authorized to perform: {actions} on resource: {TABLE}/granted" in message


@pytest.mark.requirement("OM-R02", "OM-R49")
@pytest.mark.parametrize("resource", [f"{TABLE}/granted/index/UserEmailIndex", f"{TABLE}/granted/index/*"])
def test_a_query_on_an_index_needs_the_index_and_not_the_table(api: RunningApi, resource: str) -> None:
    suffix = "star" if resource.endswith("*") else "exact"
    api.client("dynamodb", api.role(f"index-{suffix}", grant("dynamodb:Query", resource))).query(**BY_EMAIL)
    code, message = refusal(lambda: api.client(
        "dynamodb", api.role(f"table-{suffix}", grant("dynamodb:Query", f"{TABLE}/granted"))).query(**BY_EMAIL))
    assert code == "AccessDeniedException"
    assert f"{TABLE}/granted/index/UserEmailIndex" in message


def test_each_part_of_a_transaction_needs_its_own_grant(api: RunningApi) -> None:
    parts = [{"Put": {"TableName": "granted", "Item": ITEM}},
             {"ConditionCheck": {"TableName": "other", "Key": KEY,
                                 "ConditionExpression": "attribute_not_exists(SessionId)"}}]
    put = grant("dynamodb:PutItem", f"{TABLE}/granted")
    check = grant("dynamodb:ConditionCheckItem", f"{TABLE}/other")
    api.client("dynamodb", api.role("transaction", put + check)).transact_write_items(TransactItems=parts)
    code, message = refusal(lambda: api.client("dynamodb", api.role("half", put)).transact_write_items(TransactItems=parts))
    assert code == "AccessDeniedException"
    assert f"dynamodb:ConditionCheckItem on resource: {TABLE}/other" in message


def test_a_batch_over_two_tables_names_the_table_that_is_not_granted(api: RunningApi) -> None:
    role = api.role("batch", grant("dynamodb:BatchWriteItem", f"{TABLE}/granted"))
    write = [{"PutRequest": {"Item": ITEM}}]
    code, message = refusal(lambda: api.client("dynamodb", role).batch_write_item(
        RequestItems={"granted": write, "other": write}))
    assert code == "AccessDeniedException"
    assert f"{TABLE}/other" in message


def test_conditions_on_leading_keys_hold(api: RunningApi) -> None:
    statement = grant("dynamodb:GetItem", f"{TABLE}/granted")
    statement[0]["Condition"] = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["s1"]}}
    client = api.client("dynamodb", api.role("leading", statement))
    client.get_item(TableName="granted", Key=KEY)
    other = {**KEY, "SessionId": {"S": "s2"}}
    assert refusal(lambda: client.get_item(TableName="granted", Key=other))[0] == "AccessDeniedException"


def test_a_grant_taken_away_or_given_counts_from_the_next_call(api: RunningApi) -> None:
    client = api.client("dynamodb", api.role("changing", grant("dynamodb:PutItem", f"{TABLE}/granted")))
    client.put_item(TableName="granted", Item=ITEM)
    api.client("iam").delete_role_policy(RoleName="changing", PolicyName="grants")
    assert refusal(lambda: client.put_item(TableName="granted", Item=ITEM))[0] == "AccessDeniedException"
    api.role("changing", grant("dynamodb:*", f"{TABLE}/granted"))
    client.put_item(TableName="granted", Item=ITEM)
    api.role("changing", [*grant("dynamodb:*", f"{TABLE}/granted"),
                          {"Effect": "Deny", "Action": "dynamodb:PutItem", "Resource": f"{TABLE}/granted"}])
    assert "explicit deny" in refusal(lambda: client.put_item(TableName="granted", Item=ITEM))[1]


@pytest.mark.requirement("OM-R51")
def test_queue_calls_need_their_grants(api: RunningApi) -> None:
    sqs = api.client("sqs")
    address = sqs.create_queue(QueueName="granted")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:granted"
    sender = api.client("sqs", api.role("sender", grant(["sqs:SendMessage", "sqs:GetQueueUrl"], arn)))
    worker = api.client("sqs", api.role("worker", grant(
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"], arn)))
    assert sender.get_queue_url(QueueName="granted")["QueueUrl"] == address
    sender.send_message(QueueUrl=address, MessageBody="a")
    sender.send_message_batch(QueueUrl=address, Entries=[{"Id": "1", "MessageBody": "b"}])
    message = worker.receive_message(QueueUrl=address)["Messages"][0]
    worker.change_message_visibility(QueueUrl=address, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60)
    worker.delete_message(QueueUrl=address, ReceiptHandle=message["ReceiptHandle"])
    for call, action in (
        (lambda: worker.send_message(QueueUrl=address, MessageBody="a"), "sendmessage"),
        (lambda: worker.get_queue_url(QueueName="granted"), "getqueueurl"),
        (lambda: sender.receive_message(QueueUrl=address), "receivemessage"),
        (lambda: sender.delete_message(QueueUrl=address, ReceiptHandle="x"), "deletemessage"),
        (lambda: sender.change_message_visibility(QueueUrl=address, ReceiptHandle="x", VisibilityTimeout=1),
         "changemessagevisibility"),
    ):
        code, text = refusal(call)
        assert code == "AccessDenied"
        assert f"sqs:{action} on resource: {arn}" in text


def test_sending_mail_is_granted_by_the_senders_identity(api: RunningApi) -> None:
    for address in ("app@example.com", "other@example.com"):
        api.client("sesv2").create_email_identity(EmailIdentity=address)
    identity = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/app@example.com"
    client = api.client("sesv2", api.role("mailer", grant("ses:SendEmail", identity)))

    def send(sender: str) -> None:
        client.send_email(FromEmailAddress=sender, Destination={"ToAddresses": ["ann@example.com"]}, Content={
            "Simple": {"Subject": {"Data": "Réport"}, "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<b>h</b>"}}}})

    send("The App <app@example.com>")
    assert refusal(lambda: send("other@example.com"))[0] == "AccessDeniedException"
    mail = api.mail("Ann@example.com")[-1]
    assert mail["subject"] == "Réport"
    assert (mail["text"], mail["html"]) == ("text", "<b>h</b>")
    with urllib.request.urlopen(f"{api.url}/_groundsill/mail?to=ann@example.com") as answer:
        assert json.load(answer)["mail"][-1]["id"] == mail["id"]


def test_log_and_metric_and_object_and_secret_grants_hold(api: RunningApi) -> None:
    api.client("logs").create_log_group(logGroupName="/g/a")
    api.client("logs").create_log_group(logGroupName="/g/b")
    api.client("s3").create_bucket(Bucket="bucket-a")
    api.client("s3").put_object(Bucket="bucket-a", Key="a/b c", Body=b"object")
    api.client("secretsmanager").create_secret(Name="secret-a", SecretString="x")
    namespace = grant("cloudwatch:PutMetricData", "*")
    namespace[0]["Condition"] = {"StringEquals": {"cloudwatch:namespace": "Mine"}}
    role = api.role("several", [
        *grant(["logs:CreateLogStream", "logs:PutLogEvents"], f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/g/a:*"),
        *grant("s3:GetObject", "arn:aws:s3:::bucket-a/a/*"), *namespace,
        *grant("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:secret-a-*")])
    logs, s3 = api.client("logs", role), api.client("s3", role)
    logs.create_log_stream(logGroupName="/g/a", logStreamName="s")
    logs.put_log_events(logGroupName="/g/a", logStreamName="s",
                        logEvents=[{"timestamp": int(time.time() * 1000), "message": "m"}])
    assert s3.get_object(Bucket="bucket-a", Key="a/b c")["Body"].read() == b"object"
    assert api.client("secretsmanager", role).get_secret_value(SecretId="secret-a")["SecretString"] == "x"
    metrics = api.client("cloudwatch", role)
    metrics.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "m", "Value": 1}])
    for call in (
        lambda: logs.create_log_stream(logGroupName="/g/b", logStreamName="s"),
        lambda: s3.put_object(Bucket="bucket-a", Key="a/b", Body=b""),
        lambda: s3.list_objects_v2(Bucket="bucket-a"),
        lambda: metrics.put_metric_data(Namespace="Other", MetricData=[{"MetricName": "m", "Value": 1}]),
    ):
        assert refusal(call)[0] in ("AccessDenied", "AccessDeniedException")


@pytest.mark.parametrize("service,call", [
    ("dynamodb", "list_tables"), ("sqs", "list_queues"), ("iam", "list_roles"), ("sts", "get_caller_identity"),
    ("s3", "list_buckets"), ("sesv2", "list_email_identities"), ("cognito-idp", "list_user_pools"),
])
def test_unknown_and_forged_keys_are_refused(api: RunningApi, service: str, call: str) -> None:
    role = api.role("forged", grant("*", "*"))
    root = api.root
    arguments = {"MaxResults": 1} if call == "list_user_pools" else {}
    for credentials in (
        Credentials("AKIAFORGED0000000000", "secret"), Credentials("test", "test"), Credentials(ACCOUNT, "x"),
        Credentials(role.access_key_id, "wrong", role.session_token),
        Credentials(role.access_key_id, role.secret_access_key, "wrong"),
        Credentials(role.access_key_id, role.secret_access_key), Credentials(root.access_key_id, "wrong"),
    ):
        code, _ = refusal(lambda c=credentials: getattr(api.client(service, c), call)(**arguments))
        assert code in ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch",
                        "InvalidSignatureException", "InvalidAccessKeyId", "InvalidToken"), code
    unsigned = api.client(service, config=Config(signature_version=UNSIGNED))
    assert refusal(lambda: getattr(unsigned, call)(**arguments))[0] in (
        "AccessDenied", "MissingAuthenticationToken", "MissingAuthenticationTokenException")


def test_a_presigned_address_carries_its_signers_rights(api: RunningApi) -> None:
    s3 = api.client("s3")
    s3.create_bucket(Bucket="presigned")
    s3.put_object(Bucket="presigned", Key="k", Body=b"x")
    reader = api.role("reader", grant("s3:GetObject", "arn:aws:s3:::presigned/*"))
    stranger = api.role("stranger", grant("s3:GetObject", "arn:aws:s3:::elsewhere/*"))
    for version in ("s3", "s3v4"):
        def address(credentials: Credentials | None, version: str = version) -> str:
            client = api.client("s3", credentials, config=Config(signature_version=version))
            return client.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "k"})

        for credentials in (reader, None):
            with urllib.request.urlopen(address(credentials)) as answer:
                assert answer.read() == b"x"
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(address(credentials).replace("Signature=", "Signature=A"))
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address(stranger))


def test_credentials_need_an_existing_role_and_the_grounds_secret(api: RunningApi) -> None:
    with pytest.raises(AwsApiError, match="there is no role"):
        api.run(api.api.role_credentials(f"arn:aws:iam::{ACCOUNT}:role/absent", "x"))
    request = urllib.request.Request(f"{api.url}/_groundsill/credentials", method="POST", data=b"{}")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request)


def test_mails_are_not_shown_to_a_page_of_another_site(api: RunningApi) -> None:
    request = urllib.request.Request(f"{api.url}/_groundsill/mail", headers={"Host": "evil.example:80"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request)


def test_the_emulators_own_paths_are_shut(api: RunningApi) -> None:
    for method, path in (("POST", "/_ministack/reset"), ("GET", "/_ministack/ses/messages")):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(urllib.request.Request(api.url + path, method=method))
    assert api.client("dynamodb").list_tables()["TableNames"]


def test_every_call_leaves_one_line(api: RunningApi) -> None:
    client = api.client("dynamodb", api.role("observed", grant("dynamodb:GetItem", f"{TABLE}/granted")))
    client.get_item(TableName="granted", Key=KEY)
    refusal(lambda: client.scan(TableName="granted"))
    deadline = time.monotonic() + 5
    lines: list[dict[str, Any]] = []
    while time.monotonic() < deadline and len(lines) < 2:
        text = api.api.settings.calls_path.read_text()
        lines = [line for line in map(json.loads, text.splitlines()) if line["caller"] == "observed"]
        time.sleep(0.02)
    assert [(line["service"], line["action"], line["status"]) for line in lines] == [
        ("dynamodb", "GetItem", 200), ("dynamodb", "Scan", 400)]
    assert lines[0]["resource"] == f"{TABLE}/granted"
    assert lines[1]["error"] == "AccessDeniedException"
    assert lines[0]["ms"] < 1000


def test_the_environment_of_a_workload_shuts_out_the_developers_own_account() -> None:
    environment = environment_for(Credentials("ASIAX", "s", "t"), "http://127.0.0.1:1", "eu-west-1")
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_SESSION_TOKEN"] == "t"
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_many_clients_at_once_lose_no_update(api: RunningApi) -> None:
    key = {"SessionId": {"S": "counter"}, "Timestamp": {"S": "0"}}

    def count() -> None:
        client = api.client("dynamodb")
        for _ in range(40):
            client.update_item(TableName="granted", Key=key, UpdateExpression="ADD n :one",
                               ExpressionAttributeValues={":one": {"N": "1"}})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api.client("dynamodb").get_item(TableName="granted", Key=key)["Item"]["n"] == {"N": "160"}


def test_a_malformed_request_gets_a_4xx(api: RunningApi) -> None:
    for body in (b"", b"{", b"[]", b"null", b"\xff\xfe"):
        request = urllib.request.Request(api.url, data=body, headers={
            "X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        assert 400 <= caught.value.code < 500


def test_wrong_settings_are_named(tmp_path: Path, api: RunningApi) -> None:
    with pytest.raises(AwsApiError, match="12 digits"):
        RunningApi(tmp_path, account_id="12")
    with pytest.raises(AwsApiError, match=r"port \d+ on 127.0.0.1 is taken"):
        RunningApi(tmp_path, port=api.api.port)
    with pytest.raises(AwsApiError, match="another AWS API is using"):
        RunningApi(api.directory)
    (tmp_path / "file").write_text("")
    with pytest.raises(AwsApiError, match="cannot use"):
        RunningApi(tmp_path / "file")


def test_unknown_operations_are_refused_and_not_invented(api: RunningApi) -> None:
    with pytest.raises(ClientError):
        api.client("outposts").list_outposts()
    with pytest.raises(ClientError):  # of a service whose records are kept
        api.client("accessanalyzer").list_findings(analyzerArn="arn:aws:access-analyzer:us-east-1:000000000000:analyzer/a")


@pytest.mark.requirement("OM-R26")
def test_identity_policies_are_kept(api: RunningApi) -> None:
    ses = api.client("sesv2")
    ses.create_email_identity(EmailIdentity="policy@example.com")
    document = '{"Version": "2012-10-17", "Statement": []}'
    named = {"EmailIdentity": "policy@example.com", "PolicyName": "cognito"}
    ses.create_email_identity_policy(**named, Policy=document)
    assert refusal(lambda: ses.create_email_identity_policy(**named, Policy=document))[0] == "AlreadyExistsException"
    ses.update_email_identity_policy(**named, Policy=document)
    assert refusal(lambda: ses.update_email_identity_policy(**named, Policy="{"))[0] == "BadRequestException"
    assert ses.get_email_identity_policies(EmailIdentity="policy@example.com")["Policies"] == {"cognito": document}
    ses.delete_email_identity_policy(**named)
    assert ses.get_email_identity_policies(EmailIdentity="policy@example.com")["Policies"] == {}


def test_an_alarm_topic_mails_its_subscribers(api: RunningApi) -> None:
    sns = api.client("sns")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="operator@example.com")
    sns.publish(TopicArn=topic, Subject="ALARM", Message="too many dead letters")
    mail = api.mail("operator@example.com")[-1]
    assert (mail["subject"], mail["text"]) == ("ALARM", "too many dead letters")


def test_forged_signatures_are_refused_on_the_short_way_too(api: RunningApi) -> None:
    role = api.role("hot", grant("*", "*"))
    api.client("dynamodb", role).get_item(TableName="granted", Key=KEY)
    address = api.client("sqs").create_queue(QueueName="hot")["QueueUrl"]
    for credentials in (
        Credentials(role.access_key_id, "wrong", role.session_token), Credentials(api.root.access_key_id, "wrong"),
        Credentials(role.access_key_id, role.secret_access_key, "wrong"), Credentials("AKIAFORGED0000000000", "x"),
    ):
        dynamodb, sqs = api.client("dynamodb", credentials), api.client("sqs", credentials)
        assert refusal(lambda c=dynamodb: c.get_item(TableName="granted", Key=KEY))[0] in (
            "InvalidSignatureException", "UnrecognizedClientException")
        assert refusal(lambda c=sqs: c.send_message(QueueUrl=address, MessageBody="x"))[0] in (
            "SignatureDoesNotMatch", "InvalidClientTokenId")


def test_a_signature_does_not_cover_another_body(api: RunningApi) -> None:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Signer

    def send(signed: bytes, sent: bytes) -> int:
        request = AWSRequest("POST", f"{api.url}/", data=signed, headers={
            "X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"})
        SigV4Auth(Signer(api.root.access_key_id, api.root.secret_access_key), "dynamodb", REGION).add_auth(request)
        try:
            with urllib.request.urlopen(urllib.request.Request(
                    f"{api.url}/", data=sent, headers=dict(request.headers), method="POST")) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    body = json.dumps({"TableName": "granted", "Key": KEY}).encode()
    assert send(body, body) == 200
    assert send(body, body.replace(b"s1", b"s2")) in (400, 403)
