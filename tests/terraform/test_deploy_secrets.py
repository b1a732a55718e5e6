"""A secret that is given as a setting goes to Secrets Manager and is in no file, no output, no log, no plan, no state."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .deploy_support import Shop, client, running_api

PLANTED = "planted-Zq7-hunter2"
VARIABLE = "GROUNDSILL_SETTING_API_KEY"
HEAD = '''
from pydantic import BaseModel, SecretStr
from groundsill import Stage, System
from groundsill.components import Function, Secret, Table, output


class Settings(BaseModel):
    api_key: SecretStr


system = System("{name}", region="us-east-1", settings=Settings)


@system.define
def define(stage: Stage) -> None:
    keys = Secret("keys", values={{"api_key": stage.setting("api_key")}})
    Table("orders", key="Id")
'''


@pytest.fixture(scope="module")
def api(terraform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_api(tmp_path_factory.mktemp("aws")) as environment:
        yield environment


class Vault(Shop):
    """A system with a secret setting, whose state is on this machine."""

    def define(self, table: str = "", more: str = "") -> None:
        (self.folder / "system.py").write_text(HEAD.format(name=self.name) + more)
        (self.folder / "state.toml").unlink(missing_ok=True)


def _holders(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*")
            if path.is_file() and ".terraform/providers" not in str(path) and PLANTED.encode() in path.read_bytes()]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_planted_secret_is_in_no_file_no_log_and_no_plan(api: dict[str, str], tmp_path: Path) -> None:
    shop = Vault(tmp_path / "shop", api, "vault")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    given = {VARIABLE: PLANTED, "TMPDIR": str(temporary), "TF_LOG": "INFO", "TF_LOG_PATH": str(tmp_path / "terraform.log")}
    plan, events = tmp_path / "saved.plan", tmp_path / "events"
    words: list[str] = []

    def run(*arguments: str, code: int = 0) -> str:
        done = shop.run(*arguments, code=code, **given)
        words.extend([done.stdout, done.stderr])
        assert not _holders(tmp_path), arguments
        return done.stdout

    run("synth", "--out", str(tmp_path / "synthesized"))
    shown = run("plan", "--local-state", "--json", "--save", str(plan), code=2)
    assert json.loads(shown)["counts"]["create"] == 3
    run("deploy", "--plan", str(plan), "--events", str(events))
    run("plan")
    run("state", "list")
    run("state", "show", "aws_secretsmanager_secret_version.keys")
    run("destroy", "--confirm", "wrong/dev", code=1)
    assert PLANTED not in "".join(words)
    state = (shop.terraform / "terraform.tfstate").read_text()
    assert "aws_secretsmanager_secret_version" in state and PLANTED not in state
    kept = client(api, "secretsmanager").get_secret_value(SecretId="vault-dev-keys")
    assert json.loads(kept["SecretString"]) == {"api_key": PLANTED}


def test_a_deploy_without_the_secret_says_which_variable_it_needs(api: dict[str, str], tmp_path: Path) -> None:
    shop = Vault(tmp_path / "shop", api, "vault")
    assert VARIABLE not in os.environ
    error = shop.json("deploy", "--local-state", code=1)["diagnostics"][0]
    assert error["code"] == "GS3019" and VARIABLE in error["mend"]
    shop.run("synth", "--out", str(tmp_path / "out"))  # nothing of it is needed to read the definition


@pytest.mark.parametrize("line", [
    '    Function("save", "f.save:save", environment={"KEY": stage.setting("api_key")})\n',
    '    Function("save", "f.save:save", environment={"KEY": f"Bearer {stage.setting(\'api_key\')}"})\n',
    '    output("key", stage.setting("api_key"), "the key")\n',
], ids=["environment", "part of a text", "output"])
def test_a_secret_where_it_would_be_kept_is_a_mistake(api: dict[str, str], tmp_path: Path, line: str) -> None:
    shop = Vault(tmp_path / "shop", api, "vault")
    (shop.folder / "f").mkdir()
    (shop.folder / "f" / "save.py").write_text("def save(event, context): ...\n")
    shop.define(more=line)
    done = shop.run("plan", "--local-state", code=1, **{VARIABLE: PLANTED})
    assert "GS1324" in done.stderr and "system.py:18" in done.stderr and PLANTED not in done.stdout + done.stderr
    assert not _holders(shop.folder)


def test_a_secret_in_a_file_or_on_a_command_line_is_refused(api: dict[str, str], tmp_path: Path) -> None:
    shop = Vault(tmp_path / "shop", api, "vault")
    done = shop.run("plan", "--local-state", "--set", f"api_key={PLANTED}", code=1)
    assert "GS1323" in done.stderr and VARIABLE in done.stderr and PLANTED not in done.stdout + done.stderr
    (shop.folder / "settings.toml").write_text(f'[dev]\napi_key = "{PLANTED}"\n')
    done = shop.run("plan", "--local-state", code=1)
    assert "GS1323" in done.stderr and "settings.toml" in done.stderr and PLANTED not in done.stdout + done.stderr


def test_a_secret_written_into_the_definition_is_refused(api: dict[str, str], tmp_path: Path) -> None:
    shop = Vault(tmp_path / "shop", api, "vault")
    shop.define(more='    Secret("plain", values={"token": "x"})\n')
    assert "GS1425" in shop.run("plan", "--local-state", code=1).stderr
