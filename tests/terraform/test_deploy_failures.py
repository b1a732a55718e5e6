"""What goes wrong around a deploy: each is one clear error of the command itself, and nothing is lost."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .deploy_support import STATE, Shop

NOWHERE = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_REGION": "us-east-1",
           "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
STAND_IN = '''#!{python}
import json, os, pathlib, sys
words = sys.argv[1:]
with open({calls!r}, "a") as file:
    file.write(json.dumps(words) + "\\n")
def say(type, **more):
    print(json.dumps({{"@message": "", "type": type, **more}}), flush=True)
def fail(summary, detail=""):
    say("diagnostic", diagnostic={{"severity": "error", "summary": summary, "detail": detail}})
    sys.exit(1)
hook = {{"resource": {{"addr": "aws_dynamodb_table.orders"}}, "action": "create", "id_value": "shop-dev-orders"}}
if words[0] == "version":
    print({version!r})
elif words[0] == "init":
    pathlib.Path(".terraform/providers").mkdir(parents=True, exist_ok=True)
    pathlib.Path(".terraform.lock.hcl").touch()
elif words[0] == "plan":
    pathlib.Path(next(word for word in words if word.startswith("-out="))[5:]).write_text("plan")
elif words[0] == "show" and len(words) > 2:
    change = {{"actions": ["create"], "before": None, "after": {{"name": "shop-dev-orders"}}}}
    print(json.dumps({{"resource_changes": [
        {{"address": "aws_dynamodb_table.orders", "type": "aws_dynamodb_table", "change": change}}]}}))
elif words[0] in ("show", "output"):
    print("{{}}")
elif words[0] == "apply":
    say("apply_start", hook=hook)
    {apply}
'''


class Failing(Shop):
    """A shop whose state is on this machine, and whose Terraform is a program that does what is wanted."""

    def __init__(self, folder: Path, api: dict[str, str]) -> None:
        super().__init__(folder, api)
        (folder / "state.toml").unlink()

    def stand_in(self, apply: str, *, name: str = "terraform", version: str = "Terraform v1.11.4") -> Path:
        folder = self.folder.parent / "bin"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(STAND_IN.format(python=sys.executable, calls=str(self.folder.parent / "calls"), apply=apply,
                                        version=version))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    @property
    def calls(self) -> list[str]:
        return [json.loads(line)[0] for line in (self.folder.parent / "calls").read_text().splitlines()]


@pytest.fixture
def shop(tmp_path: Path) -> Failing:
    return Failing(tmp_path / "shop", NOWHERE)


def _error(shop: Shop, *words: str, **environment: str) -> dict[str, Any]:
    found = shop.json("deploy", *words, code=1, **environment)["diagnostics"]
    assert len(found) == 1, found
    return found[0]


def test_without_terraform_the_install_command_is_said(shop: Failing, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    error = _error(shop, PATH=str(tmp_path / "empty"))
    assert error["code"] == "GS3001" and "brew install" in error["mend"]
    assert not shop.terraform.exists()


def test_a_provider_crash_is_told_with_its_panic_and_what_was_made_is_known(shop: Failing) -> None:
    program = shop.stand_in('''say("apply_complete", hook=hook)
    sys.stderr.write("panic: runtime error: nil pointer\\\\n\\\\ngoroutine 1 [running]:\\\\n")
    fail("Plugin did not respond", "The plugin encountered an error")''')
    error = _error(shop, "--local-state", "--terraform", str(program))
    assert error["code"] == "GS3009" and "nil pointer" in error["detail"]
    assert "run the same command again" in error["mend"]
    assert '"apply_complete"' in (shop.terraform / "events.jsonl").read_text()  # the next deploy takes it over


def test_a_disk_that_is_full_in_the_middle_is_one_error(shop: Failing) -> None:
    program = shop.stand_in('fail("Error saving state", "write terraform.tfstate: no space left on device")')
    error = _error(shop, "--local-state", "--terraform", str(program))
    assert error["code"] == "GS3010" and "free some space" in error["mend"]


def test_with_a_full_disk_nothing_is_begun(shop: Failing, tmp_path: Path) -> None:
    program = shop.stand_in('say("apply_complete", hook=hook)')
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine makes no small disk for a test")
    small = tmp_path / "small"
    small.mkdir()
    script = ('mount -t tmpfs -o size=4m tmpfs "$0" && cp -r "$1"/. "$0" && cd "$0" && '
              'exec "$2" -m groundsill deploy --local-state --json --terraform "$3"')
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script, str(small), str(shop.folder), sys.executable, str(program)],
                          env=shop.environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    error = json.loads(done.stdout)["diagnostics"][0]
    assert error["code"] == "GS3010" and "nothing was changed" in error["mend"]
    assert "apply" not in shop.calls


def test_opentofu_does_as_well(shop: Failing) -> None:
    program = shop.stand_in('say("apply_complete", hook=hook)', name="tofu", version="OpenTofu v1.10.3")
    path = f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
    if shutil.which("terraform", path=path):
        pytest.skip("Terraform is beside the system's own programs")
    done = shop.json("deploy", "--local-state", PATH=path)
    assert done["actions"] == {"create": 1} and shop.calls[-2:] == ["apply", "output"]


@pytest.mark.slow
def test_a_corrupt_state_is_told_and_left_as_it_is(terraform: None, shop: Failing) -> None:
    shop.terraform.mkdir(parents=True)
    state = shop.terraform / "terraform.tfstate"
    state.write_text('{"version": 4, "resources": [{"half')
    error = _error(shop, "--local-state")
    assert error["code"] == "GS3005" and "terraform.tfstate.backup" in error["mend"]
    assert state.read_text() == '{"version": 4, "resources": [{"half'


@pytest.mark.slow
def test_a_backend_that_nobody_answers_for_is_told(terraform: None, shop: Failing) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        (shop.folder / "state.toml").write_text(STATE + "skip_credentials_validation = true\nmax_retries = 1\n"
                                                "skip_requesting_account_id = true\n")
        error = _error(shop, AWS_ENDPOINT_URL=address)
    assert error["code"] == "GS3006" and "nothing was changed" in error["mend"]


@pytest.mark.slow
def test_expired_credentials_are_told(terraform: None, shop: Failing) -> None:
    with _expired() as address:
        (shop.folder / "state.toml").write_text(STATE)
        error = _error(shop, AWS_ENDPOINT_URL=address, AWS_SESSION_TOKEN="old")
    assert error["code"] == "GS3008" and "sign in again" in error["mend"]


@contextmanager
def _expired() -> Iterator[str]:
    """What answers as AWS does to a session that is over."""
    body = (b"<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The security token included in "
            b"the request is expired</Message></Error><RequestId>1</RequestId></ErrorResponse>")

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(403)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815  the names that the base class calls

        def log_message(self, format: str, *words: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
