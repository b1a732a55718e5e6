"""Before a plan and a deploy: whose credentials these are, how long they last, and whether the stage is that account's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from groundsill.graph import GroundsillError
from groundsill.terraform.backend import Backend
from groundsill.terraform.preflight import Caller, caller, warnings

from .deploy_support import STATE, Shop, running_api

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
HERE = Backend()


def refusal(region: str = "us-east-1", backend: Backend = HERE, **more: Any) -> Any:
    with pytest.raises(GroundsillError) as caught:
        caller(region, backend, **more)
    (found,) = caught.value.diagnostics
    return found


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_api(tmp_path_factory.mktemp("api")) as found:
        yield found


@pytest.fixture
def credentials(api: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in api.items():
        monkeypatch.setenv(name, value)


@pytest.mark.requirement("AN-T01", "OM-T01")
@pytest.mark.usefixtures("credentials")
def test_the_account_and_the_identity_are_told() -> None:
    found = caller("us-east-1", HERE, {})
    assert len(found.account) == 12 and found.arn.startswith("arn:aws:") and not found.unasked
    assert found.words.startswith(f"account {found.account}, ")
    assert caller("us-east-1", Backend({"allowed_account_ids": [found.account]}), {}) == found


@pytest.mark.requirement("AN-T01", "OM-T01")
@pytest.mark.usefixtures("credentials")
def test_credentials_of_another_account_than_the_stages_are_refused() -> None:
    found = refusal(backend=Backend({"allowed_account_ids": ["999999999999"]}), environment={})
    assert found.code == "GS3035" and "999999999999" in found.detail and "AWS_PROFILE" in found.mend
    own = caller("us-east-1", HERE, {}).account
    assert refusal(backend=Backend({"forbidden_account_ids": [own]}), environment={}).code == "GS3035"


@pytest.mark.requirement("AN-T01", "OM-T01")
@pytest.mark.usefixtures("credentials")
def test_credentials_that_aws_does_not_know_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def answering(words: str) -> None:
        monkeypatch.setattr("groundsill.terraform.preflight.AwsCalls.ask", lambda *_: words)

    for words, code in (
        ("An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation", "GS3007"),
        ("An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: The token is expired", "GS3008"),
        ("Unable to locate credentials ", "GS3007"),
        ("The config profile (shop) could not be found ", "GS3007"),
        ("Error when retrieving token from sso: Token has expired and refresh failed ", "GS3008"),
    ):
        answering(words)
        assert refusal(environment={}).code == code, words


def test_without_a_network_terraform_is_left_to_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    words = 'Could not connect to the endpoint URL: "https://sts.us-east-1.amazonaws.com/" '
    monkeypatch.setattr("groundsill.terraform.preflight.AwsCalls.ask", lambda *_: words)
    assert caller("us-east-1", HERE, {}).words.startswith("not asked: Could not connect")


@pytest.mark.requirement("AN-T01")
def test_credentials_that_have_ended_are_refused_and_a_near_end_is_told() -> None:
    ended = refusal(environment={"AWS_CREDENTIAL_EXPIRATION": "2026-11-26T11:59:00Z"}, now=NOON)
    assert ended.code == "GS3008" and "11:59" in ended.detail
    soon = Caller("123456789012", "arn:aws:iam::123456789012:user/ana", datetime(2026, 11, 26, 12, 4, tzinfo=UTC))
    (line,) = warnings(soon, HERE, NOON)
    assert "end in 4 min" in line
    assert not warnings(Caller("1", "a", datetime(2026, 11, 26, 13, tzinfo=UTC)), HERE, NOON)


def test_a_state_in_a_bucket_of_another_account_is_told() -> None:
    me = Caller("123456789012", "arn:aws:iam::123456789012:user/ana")
    elsewhere = {"bucket": "groundsill-state-999999999999-us-east-1"}
    (line,) = warnings(me, Backend(elsewhere))
    assert "999999999999" in line and "123456789012" in line
    assert not warnings(me, Backend({**elsewhere, "allowed_account_ids": ["123456789012"]})), "somebody said that it is right"


@pytest.mark.requirement("AN-T01", "OM-T01")
def test_a_deploy_with_wrong_credentials_begins_nothing(api: dict[str, str], tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", api)
    (shop.folder / "state.toml").write_text(STATE + 'allowed_account_ids = ["999999999999"]\n')
    for command in ("plan", "deploy"):
        (error,) = shop.json(command, code=1)["diagnostics"]
        assert error["code"] == "GS3035"
        (error,) = shop.json(command, code=1, AWS_CREDENTIAL_EXPIRATION="2020-01-01T00:00:00Z")["diagnostics"]
        assert error["code"] == "GS3008"
    assert not list(shop.terraform.glob("*.tf.json"))
