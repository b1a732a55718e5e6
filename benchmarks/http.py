"""HTTP to a function that writes one item and reads it back: the ground, MiniStack's own gateway, serverless-offline.

The same handler, the same DynamoDB (each tool's peers use a plain MiniStack), one client and eight. The bare client, a
loop of the handler without any gateway, is the limit.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.load import Load, drive
from benchmarks.measuring import WORK, table
from benchmarks.synth import GROUNDSILL

SECONDS = 3.0
HANDLER = '''\
import json
import os
import uuid

import boto3

client = boto3.client("dynamodb")
TABLE = os.environ.get("NOTES_TABLE", "notes")


def handle(event, context):
    key = {"Id": {"S": uuid.uuid4().hex}}
    client.put_item(TableName=TABLE, Item={**key, "Text": {"S": "hello"}})
    item = client.get_item(TableName=TABLE, Key=key, ConsistentRead=True)["Item"]
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(item["Text"])}
'''
SYSTEM = '''\
from groundsill import Stage, System
from groundsill.components import Function, HttpApi, Table

system = System("notes", region="us-east-1")


@system.define
def define(stage: Stage) -> None:
    notes = Table("notes", key="Id")
    api = HttpApi("api", burst=5000, rate=10000)
    api.route("POST /notes", Function("note", "app.handler:handle", memory=512, uses=[notes.read_write]))
'''
SERVERLESS = '''\
service: notes
provider: {name: aws, runtime: python3.11, region: us-east-1}
plugins: [serverless-offline]
functions:
  note:
    handler: app/handler.handle
    events: [{httpApi: "POST /notes"}]
'''
BARE = '''\
import sys, time
sys.path.insert(0, sys.argv[1])
from app.handler import handle
for _ in range(50): handle({}, None)
times = []
end = time.perf_counter() + float(sys.argv[2])
while (before := time.perf_counter()) < end:
    handle({}, None)
    times.append(time.perf_counter() - before)
times.sort()
print(times[len(times) // 2] * 1000, times[int(len(times) * .99) - 1] * 1000, len(times) / float(sys.argv[2]))
'''


def main(runs: int) -> None:
    """Measure them in turn, round after round, so that a machine whose speed drifts treats them alike."""
    folder = WORK / "http"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "__init__.py").touch()
    (folder / "app" / "handler.py").write_text(HANDLER)
    (folder / "system.py").write_text(SYSTEM)
    with ExitStack() as stack:
        gateways: dict[str, tuple[str, dict[str, str] | None]] = {
            "groundsill": (stack.enter_context(on_the_ground(folder)), None)}
        endpoint = stack.enter_context(ministack())
        gateways["MiniStack gateway"] = ministack_gateway(folder, endpoint)
        try:
            gateways["serverless-offline 13"] = (stack.enter_context(serverless_offline(folder, endpoint)), None)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            print(f"serverless-offline could not be measured: {error}")
        found: dict[str, list[tuple[Load, Load]]] = {}
        for url, headers in gateways.values():
            drive(url, clients=8, seconds=0.5, headers=headers)
        for _ in range(max(runs, 3)):
            found.setdefault("bare client (the limit)", []).append(bare(folder, endpoint))
            for name, (url, headers) in gateways.items():
                found.setdefault(name, []).append((drive(url, clients=1, seconds=SECONDS, headers=headers),
                                                   drive(url, clients=8, seconds=SECONDS, headers=headers)))
    ours = found["groundsill"]
    rows: list[list[object]] = []
    for name, rounds in found.items():
        ratios = [mine[1].rate / eight.rate for mine, (_, eight) in zip(ours, rounds, strict=True) if eight.rate]
        rows.append([
            name, f"{median(one.median for one, _ in rounds):.1f}", f"{median(one.p99 for one, _ in rounds):.1f}",
            f"{median(eight.median for _, eight in rounds):.1f}", f"{median(eight.rate for _, eight in rounds):.0f}",
            f"{median(ratios):.1f} x", sum(one.failed + eight.failed for one, eight in rounds)])
    print(table(["gateway", "p50 ms (1)", "p99 ms (1)", "p50 ms (8)", "requests/s (8)", "groundsill is", "failed"], rows))


def bare(folder: Path, endpoint: str) -> tuple[Load, Load]:
    """The handler in a loop, in one process and in eight."""

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", BARE, str(folder), str(SECONDS)], text=True,  # noqa: S603
                                stdout=subprocess.PIPE, env={**os.environ, **credentials(endpoint)})

    def figures(process: subprocess.Popen[str]) -> list[float]:
        return [float(part) for part in process.communicate(timeout=120)[0].split()]

    one = figures(start())
    eight = [figures(process) for process in [start() for _ in range(8)]]
    return (Load(one[0], one[1], one[2], 0),
            Load(sum(part[0] for part in eight) / 8, max(part[1] for part in eight), sum(part[2] for part in eight), 0))


@contextmanager
def on_the_ground(folder: Path) -> Iterator[str]:
    """The system on the ground."""
    answer = subprocess.run([*GROUNDSILL, "up", str(folder), "--json"], check=True, capture_output=True, text=True)  # noqa: S603
    try:
        yield json.loads(answer.stdout)["urls"]["api"] + "/notes"
    finally:
        subprocess.run([*GROUNDSILL, "down", str(folder), "--wipe", "--yes"], check=True, capture_output=True)  # noqa: S603


def credentials(endpoint: str) -> dict[str, str]:
    """Variables that lead an SDK to an emulator."""
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1"}


@contextmanager
def ministack() -> Iterator[str]:
    """A plain MiniStack, started as its manual says, with the table."""
    from groundsill.ground.ports import free_port

    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([sys.executable, "-m", "ministack"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,  # noqa: S603
                               env={**os.environ, "GATEWAY_PORT": str(port), "PERSIST_STATE": "0", "LAMBDA_EXECUTOR": "local"})
    try:
        wait_for(lambda: client("dynamodb", endpoint).list_tables(), process)
        client("dynamodb", endpoint).create_table(
            TableName="notes", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}])
        yield endpoint
    finally:
        process.terminate()
        process.wait(20)


def client(service: str, endpoint: str) -> Any:
    """A client of an emulator."""
    import boto3

    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test",
                        aws_secret_access_key="test")  # noqa: S106


def wait_for(attempt: Callable[[], object], process: subprocess.Popen[Any], seconds: float = 60) -> None:
    """Try until it works.

    Raises:
        RuntimeError: where the process ends or the time runs out.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            attempt()
            return
        except Exception as error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"it did not start: {error}") from error
            time.sleep(0.1)


def ministack_gateway(folder: Path, endpoint: str) -> tuple[str, dict[str, str]]:
    """The handler behind MiniStack's own HTTP API: its address and the Host header that names the API."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for path in sorted((folder / "app").glob("*.py")):
            archive.write(path, f"app/{path.name}")
    role = client("iam", endpoint).create_role(RoleName="note", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    function = client("lambda", endpoint).create_function(
        FunctionName="note", Runtime="python3.11", Role=role, Handler="app.handler.handle", Timeout=15, MemorySize=512,
        Code={"ZipFile": package.getvalue()},
        Environment={"Variables": {"NOTES_TABLE": "notes", **credentials(endpoint)}})["FunctionArn"]
    gateway = client("apigatewayv2", endpoint)
    api = gateway.create_api(Name="notes", ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function,
                                             PayloadFormatVersion="2.0")["IntegrationId"]
    gateway.create_route(ApiId=api, RouteKey="POST /notes", Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    port = endpoint.rpartition(":")[2]
    return f"{endpoint}/notes", {"Host": f"{api}.execute-api.localhost:{port}"}


@contextmanager
def serverless_offline(folder: Path, endpoint: str) -> Iterator[str]:
    """The handler behind serverless-offline 13 with serverless 3, the last one that needs no account."""
    from groundsill.ground.ports import free_port

    peer = WORK / "peers" / "serverless"
    peer.mkdir(parents=True, exist_ok=True)
    if not (peer / "node_modules" / "serverless-offline").exists():
        print("installing serverless 3 and serverless-offline 13 (once)", flush=True)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(peer), "serverless@3",  # noqa: S607
                        "serverless-offline@13"], check=True, capture_output=True, timeout=300)
    work = peer / "notes"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder / "app", work / "app")
    (work / "serverless.yml").write_text(SERVERLESS)
    (work / "node_modules").symlink_to(peer / "node_modules")
    (work / "package.json").write_text('{"name": "notes", "version": "1.0.0"}')
    port, lambda_port = free_port(), free_port()
    environment = {**os.environ, **credentials(endpoint), "NOTES_TABLE": "notes", "SLS_NOTIFICATIONS_MODE": "off",
                   "SLS_TELEMETRY_DISABLED": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    log = (work / "log").open("w")
    process = subprocess.Popen(
        ["node", str(peer / "node_modules/serverless/bin/serverless.js"), "offline", "start", "--httpPort", str(port),  # noqa: S607
         "--lambdaPort", str(lambda_port), "--host", "127.0.0.1", "--noTimeout"],
        cwd=work, env=environment, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}/notes"
    try:
        request = urllib.request.Request(url, data=b"{}", method="POST")
        wait_for(lambda: urllib.request.urlopen(request, timeout=20).read(), process)  # noqa: S310
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait(20)
