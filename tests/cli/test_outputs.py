"""Outputs as a client's configuration."""

from __future__ import annotations

import json
import subprocess
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from groundsill.cli.views.client_configuration import FORMATS, render, values

from .conftest import Shop

FACTS = {
    "system": "open-metabolics", "stage": "dev", "region": "us-east-1",
    "urls": {"AWS API": "http://127.0.0.1:4566", "api": "http://127.0.0.1:8080/dev"},
    "outputs": {
        "api_endpoint": "http://127.0.0.1:8080/dev", "cognito_pool_id": "us-east-1_abc", "cognito_client_id": "client",
        "energy_expenditure_service_url": "http://127.0.0.1:8080/dev/energy", "load_balancer_dns_name": "front.local",
    },
}


def test_outputs_of_a_running_system_are_shown_and_given_as_json(shop: Shop) -> None:
    shop.run("up", "--detach")
    table = shop.run("outputs")
    assert table.returncode == 0 and "api_endpoint" in table.stdout and "http://127.0.0.1:8080/dev" in table.stdout
    shown = shop.json("outputs")
    assert shown["outputs"]["api_endpoint"] == "http://127.0.0.1:8080/dev"
    assert shown["client"]["aws_endpoint_url"] == "http://127.0.0.1:4566"
    assert json.loads(shop.run("outputs", "--format", "json").stdout) == shown["client"]


def test_a_file_gets_the_format_of_its_suffix_and_is_replaced_whole(shop: Shop) -> None:
    shop.run("up", "--detach")
    for name, begins in (("client.json", "{"), ("api_config.dart", "// Written"), ("app.ts", "// Written"), (".env", "# ")):
        (shop.folder / name).write_text("old")
        done = shop.run("outputs", "--out", name)
        assert done.returncode == 0, done.stderr
        assert (shop.folder / name).read_text().startswith(begins)
    assert shop.json("outputs", "--out", "a.json")["format"] == "json"
    assert not [path for path in shop.folder.iterdir() if path.name.startswith((".client", ".api", ".app"))]


def test_nothing_running_is_an_error_that_says_what_to_do(shop: Shop) -> None:
    done = shop.run("outputs", "--out", "client.json")
    assert done.returncode == 1 and "GS2103" in done.stderr and "groundsill up --detach" in done.stderr
    assert not (shop.folder / "client.json").exists()


def test_a_place_that_cannot_be_written_is_named(shop: Shop) -> None:
    shop.run("up", "--detach")
    (shop.folder / "folder.json").mkdir()
    done = shop.run("outputs", "--out", "folder.json")
    assert done.returncode == 1 and "GS2108" in done.stderr


@pytest.mark.requirement("OM-B25")
@pytest.mark.requirement("OM-O06")
@pytest.mark.requirement("OM-O07")
def test_the_exported_configuration_is_what_the_reference_client_takes() -> None:
    from systems.open_metabolics.client import Configuration

    taken = Configuration.load(json.loads(render("json", values(FACTS))))
    assert set(astuple(taken)) == {
        "http://127.0.0.1:8080/dev", "http://127.0.0.1:8080/dev/energy", "us-east-1_abc", "client", "us-east-1",
        "http://127.0.0.1:4566",
    }


@pytest.mark.requirement("OM-B25")
def test_the_flutter_app_gets_its_constants_and_amplify_s_configuration() -> None:
    text = render("dart", values(FACTS))
    assert "  static const String apiEndpoint = 'http://127.0.0.1:8080/dev';" in text
    assert "  static const String loadBalancerDnsName = 'front.local';" in text
    line = next(line for line in text.splitlines() if line.startswith("const amplifyConfig"))
    plugin = json.loads(line.partition("'")[2].rpartition("'")[0])["auth"]["plugins"]["awsCognitoAuthPlugin"]
    assert plugin["CognitoUserPool"]["Default"] == {
        "PoolId": "us-east-1_abc", "AppClientId": "client", "Region": "us-east-1", "Endpoint": "http://127.0.0.1:4566"}


def test_dart_takes_whatever_the_values_hold() -> None:
    text = render("dart", {"a": "it's $5 \\ \n", "class": True, "list": [1, None, {"k": 0.5}], "1st": 3, "a-b": "",
                           "a_b": ""})
    assert r"static const String a = 'it\'s \$5 \\ \n';" in text
    assert "static const bool class_ = true;" in text
    assert "static const List<Object?> list = [1, null, {'k': 0.5}];" in text
    assert "static const int n1st = 3;" in text
    assert "String aB = ''" in text and "String aB_ = ''" in text
    assert "amplify" not in text


def test_typescript_is_one_constant() -> None:
    text = render("typescript", values(FACTS))
    body = text.partition("systemConfig = ")[2].removesuffix(" as const;\n")
    assert json.loads(body)["cognitoPoolId"] == "us-east-1_abc"


_TEXT = some.text(some.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
_VALUE = some.recursive(
    some.none() | some.booleans() | some.integers() | _TEXT,
    lambda inner: some.lists(inner) | some.dictionaries(_TEXT, inner), max_leaves=4,
)


@settings(max_examples=20, deadline=None)
@given(some.dictionaries(some.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), _TEXT, min_size=1, max_size=5))
def test_a_shell_reads_back_exactly_what_was_written(content: dict[str, str]) -> None:
    names = {"_".join(part for part in name.split("_") if part).upper(): value for name, value in content.items()}
    program = render("env", content) + "".join(f"printf '%s\\0' \"${name}\"\n" for name in names)
    shown = subprocess.run(["/bin/sh"], input=program.encode(), capture_output=True, check=True).stdout
    assert shown.decode().split("\0")[:-1] == list(names.values())


@given(some.dictionaries(_TEXT, _VALUE, max_size=5), some.sampled_from(FORMATS))
def test_no_value_breaks_any_format(content: dict[str, Any], form: str) -> None:
    text = render(form, content)
    assert text.endswith("\n")
    if form == "json":
        assert json.loads(text) == content
