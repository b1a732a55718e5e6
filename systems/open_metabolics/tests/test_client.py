"""Parts of the reference client: SRP, configuration, sparkline."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import secrets
from datetime import datetime
from pathlib import Path

import pytest
from client import Configuration, ConfigurationError, OpenMetabolicsClient, sparkline, srp
from client.transport import Connection, ServiceError
from hypothesis import given, settings
from hypothesis import strategies as st

VALUES = {
    "api_endpoint": "https://abc.execute-api.us-east-1.amazonaws.com/dev/",
    "energy_expenditure_service_url": "http://lb.example.com",
    "cognito_pool_id": "us-east-1_AbC123",
    "cognito_client_id": "app1",
    "region": "us-east-1",
}


class Server:
    """The other side of SRP, by RFC 5054 and from the verifier alone."""

    def __init__(self, pool_name: str, user: str, password: str) -> None:
        self.pool_name, self.user = pool_name, user
        self.salt = secrets.randbits(128)
        self.verifier = pow(srp.GENERATOR, srp.private_key(pool_name, user, password, self.salt), srp.PRIME)
        self.secret = secrets.randbits(256)
        self.public = (
            srp.MULTIPLIER * self.verifier + pow(srp.GENERATOR, self.secret, srp.PRIME)
        ) % srp.PRIME
        self.block = base64.b64encode(secrets.token_bytes(100)).decode()

    def challenge(self) -> dict[str, str]:
        return {
            "SRP_B": format(self.public, "x"),
            "SALT": format(self.salt, "x"),
            "SECRET_BLOCK": self.block,
            "USER_ID_FOR_SRP": self.user,
        }

    def accepts(self, client_public: str, answer: dict[str, str]) -> bool:
        public = int(client_public, 16)
        scrambler = srp.hash_number(srp.pad(public), srp.pad(self.public))
        shared = pow(public * pow(self.verifier, scrambler, srp.PRIME), self.secret, srp.PRIME)
        key = srp.derive_key(shared, scrambler)
        message = (
            (self.pool_name + self.user).encode()
            + base64.b64decode(self.block)
            + answer["TIMESTAMP"].encode()
        )
        expected = base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()
        return hmac.compare_digest(expected, answer["PASSWORD_CLAIM_SIGNATURE"])


@pytest.mark.requirement("OM-B13")
@pytest.mark.parametrize("attempt", range(5))
def test_a_server_that_knows_the_verifier_accepts_the_password_and_no_other(attempt: int) -> None:
    server = Server("AbC123", "user-1", "Secret-123ä")
    exchange = srp.Exchange("us-east-1_AbC123")
    assert server.accepts(exchange.public_hex, exchange.answer(server.challenge(), "Secret-123ä"))
    assert not server.accepts(exchange.public_hex, exchange.answer(server.challenge(), "Secret-124ä"))
    assert not server.accepts(
        srp.Exchange("x_AbC123").public_hex, exchange.answer(server.challenge(), "Secret-123ä")
    )


@pytest.mark.requirement("OM-B13")
def test_a_server_with_an_unsafe_number_gets_no_proof() -> None:
    for number in (0, srp.PRIME, 2 * srp.PRIME):
        challenge = {**Server("p", "u", "pw").challenge(), "SRP_B": format(number, "x")}
        with pytest.raises(ValueError, match="not safe"):
            srp.Exchange("r_p").answer(challenge, "pw")


def test_the_group_is_that_of_rfc_3526() -> None:
    """2^3072 - 2^3008 - 1 + 2^64 * (floor(2^2942 pi) + 1690314), with pi by Machin's formula."""

    def arctan(inverse: int, unity: int) -> int:
        power = total = unity // inverse
        square, divisor, sign = inverse * inverse, 3, -1
        while power:
            power //= square
            total += sign * (power // divisor)
            divisor, sign = divisor + 2, -sign
        return total

    unity = 1 << (2942 + 64)
    pi = 4 * (4 * arctan(5, unity) - arctan(239, unity)) >> 64
    assert 2**3072 - 2**3008 - 1 + 2**64 * (pi + 1690314) == srp.PRIME


def test_the_time_is_english_and_without_a_leading_zero() -> None:
    assert srp.format_timestamp(datetime(2026, 3, 5, 7, 8, 9)) == "Thu Mar 5 07:08:09 UTC 2026"


@settings(deadline=None)
@given(st.integers(min_value=0))
def test_padding_is_the_shortest_form_whose_first_bit_is_zero(value: int) -> None:
    padded = srp.pad(value)
    assert int.from_bytes(padded, "big", signed=True) == value
    assert len(padded) == 1 or int.from_bytes(padded[1:], "big", signed=True) != value


@pytest.mark.requirement("OM-B25")
def test_a_configuration_file_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "client.json"
    path.write_text(json.dumps({**VALUES, "aws_endpoint_url": "http://127.0.0.1:4566", "more": 1}))
    configuration = OpenMetabolicsClient.from_configuration(path).configuration
    assert configuration.api_endpoint == VALUES["api_endpoint"].rstrip("/")
    assert configuration.cognito_url == "http://127.0.0.1:4566"
    at_aws = Configuration.load(VALUES)
    assert at_aws.cognito_url == "https://cognito-idp.us-east-1.amazonaws.com"
    assert Configuration.load(at_aws) is at_aws


@pytest.mark.requirement("OM-B25")
def test_a_deployments_outputs_are_a_configuration() -> None:
    outputs = {
        "api_endpoint": VALUES["api_endpoint"],
        "energy_expenditure_service_url": VALUES["energy_expenditure_service_url"],
        "cognito_pool_id": VALUES["cognito_pool_id"],
        "cognito_client_id": VALUES["cognito_client_id"],
        "queue_url": "https://sqs",
    }
    assert Configuration.load(outputs) == Configuration.load(VALUES)
    as_terraform = {
        name: {"value": value, "type": "string", "sensitive": False} for name, value in outputs.items()
    }
    assert Configuration.load(as_terraform) == Configuration.load(VALUES)


@pytest.mark.requirement("OM-B25")
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"api_endpoint": None, "cognito_pool_id": "", "region": ""}, "api_endpoint.*cognito_pool_id.*region is missing"),
        ({"api_endpoint": "abc"}, "api_endpoint is not an http"),
        ({"energy_expenditure_service_url": "ftp://x"}, "energy_expenditure_service_url is not"),
        ({"energy_expenditure_service_url": "http://x:99999"}, "energy_expenditure_service_url is not"),
        ({"aws_endpoint_url": 5}, "aws_endpoint_url is not"),
        ({"cognito_pool_id": "pool"}, "cognito_pool_id"),
    ],
)
def test_a_wrong_configuration_names_every_key(changes: dict, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Configuration.load({**VALUES, **changes})


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Configuration.load(tmp_path / "none.json")
    for text in ("{", "[]"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ConfigurationError, match="JSON"):
            Configuration.load(str(tmp_path / "bad.json"))


@settings(deadline=None)
@given(st.lists(st.floats()), st.integers(-1, 100))
def test_a_sparkline_has_at_most_its_width(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    finite = [value for value in values if math.isfinite(value)]
    assert len(line) == max(0, min(width, len(finite)))


def test_a_sparkline_rises_with_the_values() -> None:
    assert sparkline(range(8), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([5, 5, 5], 10) == "▁▁▁"
    assert sparkline([0, 0, 9, 9], 2) == "▁█"


def test_a_server_that_does_not_answer_is_said() -> None:
    with pytest.raises(ServiceError) as caught:
        Connection("http://127.0.0.1:9/x").request("GET", "/", attempts=2)
    assert (caught.value.status, caught.value.code) == (0, "no_answer")
