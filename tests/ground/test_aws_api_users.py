"""Cognito user pools on the ground, as the phone app meets them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import urllib.request
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from tests.ground.test_aws_api_support import ACCOUNT, REGION, RunningApi, grant, refusal

EMAIL, PASSWORD = "ann@example.com", "Str0ng!pass"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with RunningApi(tmp_path_factory.mktemp("aws")) as running:
        yield running


class App:
    """A pool as OpenMetabolics has it, and what the app does with it."""

    def __init__(self, api: RunningApi, flows: tuple[str, ...] = ("ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"),
                 **pool: Any) -> None:
        self.api = api
        self.admin = api.client("cognito-idp")
        self.pool = self.admin.create_user_pool(
            PoolName="users", UsernameAttributes=["email"], AutoVerifiedAttributes=["email"],
            Policies={"PasswordPolicy": {"MinimumLength": 8, "RequireUppercase": True, "RequireLowercase": True,
                                         "RequireNumbers": True, "RequireSymbols": True}}, **pool)["UserPool"]["Id"]
        self.client = self.admin.create_user_pool_client(
            UserPoolId=self.pool, ClientName="app", ExplicitAuthFlows=list(flows),
            PreventUserExistenceErrors="ENABLED")["UserPoolClient"]["ClientId"]
        self.idp = api.client("cognito-idp", config=Config(signature_version=UNSIGNED))

    def sign_up(self, email: str = EMAIL, password: str = PASSWORD) -> dict[str, Any]:
        return self.idp.sign_up(ClientId=self.client, Username=email, Password=password,
                                UserAttributes=[{"Name": "email", "Value": email}])

    def code(self, email: str = EMAIL) -> str:
        mail = self.api.mail(email)[-1]
        found = re.search(r"\b\d{6}\b", mail["text"] + mail["html"])
        assert found is not None
        return found.group()

    def confirm(self, code: str, email: str = EMAIL) -> None:
        self.idp.confirm_sign_up(ClientId=self.client, Username=email, ConfirmationCode=code)

    def signed_up(self, email: str = EMAIL) -> None:
        self.sign_up(email)
        self.confirm(self.code(email), email)

    def sign_in(self, password: str = PASSWORD, email: str = EMAIL) -> dict[str, Any]:
        return srp(self.idp, self.pool, self.client, email, password)

    def refresh(self, token: str) -> dict[str, Any]:
        return self.idp.initiate_auth(ClientId=self.client, AuthFlow="REFRESH_TOKEN_AUTH",
                                      AuthParameters={"REFRESH_TOKEN": token})["AuthenticationResult"]

    def claims(self, token: str, **options: Any) -> dict[str, Any]:
        """Verified against the published keys, as any resource server does."""
        with urllib.request.urlopen(f"{self.api.url}/{self.pool}/.well-known/jwks.json") as answer:
            keys = {key["kid"]: jwt.PyJWK(key).key for key in json.load(answer)["keys"]}
        return jwt.decode(token, keys[jwt.get_unverified_header(token)["kid"]], ["RS256"], **options)


def srp(idp: Any, pool: str, client: str, email: str, password: str) -> dict[str, Any]:
    """Sign in by Secure Remote Password, written from RFC 5054 and Amazon's client, not from the emulator."""
    hex_n = (
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
        "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
        "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
        "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
        "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
        "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
        "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
        "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF"
    )
    modulus, generator = int(hex_n, 16), 2

    def padded(number: int) -> bytes:
        text = f"{number:x}"
        text = "0" + text if len(text) % 2 else text
        return bytes.fromhex("00" + text if text[0] in "89abcdef" else text)

    def hashed(*parts: bytes) -> int:
        return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")

    secret = int.from_bytes(hashlib.sha256(f"{time.time_ns()}".encode()).digest() * 2, "big")
    public = pow(generator, secret, modulus)
    challenge = idp.initiate_auth(ClientId=client, AuthFlow="USER_SRP_AUTH", AuthParameters={
        "USERNAME": email, "SRP_A": f"{public:x}"})
    assert challenge["ChallengeName"] == "PASSWORD_VERIFIER"
    given = challenge["ChallengeParameters"]
    user, salt, server = given["USER_ID_FOR_SRP"], int(given["SALT"], 16), int(given["SRP_B"], 16)
    name = pool.partition("_")[2]
    x = hashed(padded(salt), hashlib.sha256(f"{name}{user}:{password}".encode()).digest())
    u = hashed(padded(public), padded(server))
    k = hashed(padded(modulus), padded(generator))
    shared = pow((server - k * pow(generator, x, modulus)) % modulus, secret + u * x, modulus)
    pseudo = hmac.new(padded(u), padded(shared), hashlib.sha256).digest()
    key = hmac.new(pseudo, b"Caldera Derived Key\x01", hashlib.sha256).digest()[:16]
    now = datetime.now(UTC)
    stamp = f"{now:%a %b} {now.day} {now:%H:%M:%S} UTC {now:%Y}"
    block = given["SECRET_BLOCK"]
    signature = hmac.new(key, f"{name}{user}".encode() + base64.b64decode(block) + stamp.encode(), hashlib.sha256).digest()
    return idp.respond_to_auth_challenge(ClientId=client, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses={
        "TIMESTAMP": stamp, "USERNAME": user, "PASSWORD_CLAIM_SECRET_BLOCK": block,
        "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(signature).decode()})["AuthenticationResult"]


@pytest.mark.requirement("OM-B12", "OM-S01", "OM-R23")
def test_an_account_is_unusable_until_the_mailed_code_is_given(api: RunningApi) -> None:
    app = App(api)
    answer = app.sign_up()
    assert answer["UserConfirmed"] is False
    assert answer["CodeDeliveryDetails"]["Destination"] == "a****@e****"
    assert refusal(app.sign_in)[0] == "UserNotConfirmedException"
    code = app.code()
    wrong = "000000" if code != "000000" else "000001"
    assert refusal(lambda: app.confirm(wrong))[0] == "CodeMismatchException"
    for guess in ("123456", "654321"):
        if guess != code:
            assert refusal(lambda g=guess: app.confirm(g))[0] == "CodeMismatchException"
    app.confirm(code)
    tokens = app.sign_in()
    attributes = {a["Name"]: a["Value"] for a in app.idp.get_user(AccessToken=tokens["AccessToken"])["UserAttributes"]}
    assert (attributes["email"], attributes["email_verified"]) == (EMAIL, "true")


@pytest.mark.requirement("OM-B12", "OM-S01")
@pytest.mark.parametrize("password", ["Sh0r!t", "alllower1!", "ALLUPPER1!", "NoDigits!!", "NoSymbol11"])
def test_weak_passwords_are_refused(api: RunningApi, password: str) -> None:
    app = App(api)
    assert refusal(lambda: app.sign_up(password=password))[0] == "InvalidPasswordException"
    assert app.admin.list_users(UserPoolId=app.pool)["Users"] == []


@pytest.mark.requirement("OM-B12")
def test_a_new_code_replaces_the_old(api: RunningApi) -> None:
    app = App(api)
    app.sign_up("bob@example.com")
    old = app.code("bob@example.com")
    app.idp.resend_confirmation_code(ClientId=app.client, Username="bob@example.com")
    new = app.code("bob@example.com")
    if old != new:
        assert refusal(lambda: app.confirm(old, "bob@example.com"))[0] == "CodeMismatchException"
    app.confirm(new, "bob@example.com")


@pytest.mark.requirement("OM-B13")
def test_tokens_are_signed_by_the_pools_keys_and_carry_the_claims(api: RunningApi) -> None:
    app = App(api)
    app.signed_up()
    tokens = app.sign_in()
    issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{app.pool}"
    identity = app.claims(tokens["IdToken"], audience=app.client, issuer=issuer)
    assert (identity["token_use"], identity["email"], identity["email_verified"]) == ("id", EMAIL, True)
    access = app.claims(tokens["AccessToken"], issuer=issuer)
    assert (access["token_use"], access["client_id"]) == ("access", app.client)
    assert access["sub"] == identity["sub"]
    assert 3500 < access["exp"] - time.time() <= 3600
    assert tokens["ExpiresIn"] == 3600
    head, body, signature = tokens["AccessToken"].split(".")
    forged = f"{head}.{body}.{signature[::-1]}"
    assert refusal(lambda: app.idp.get_user(AccessToken=forged))[0] == "NotAuthorizedException"


@pytest.mark.requirement("OM-B13", "OM-R24")
def test_only_the_flows_of_the_client_are_open(api: RunningApi) -> None:
    app = App(api)
    app.signed_up()
    password = {"USERNAME": EMAIL, "PASSWORD": PASSWORD}
    assert refusal(lambda: app.idp.initiate_auth(ClientId=app.client, AuthFlow="USER_PASSWORD_AUTH",
                                                 AuthParameters=password))[0] == "InvalidParameterException"
    assert refusal(lambda: app.admin.admin_initiate_auth(
        UserPoolId=app.pool, ClientId=app.client, AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters=password))[0] == "InvalidParameterException"
    other = App(api, flows=("ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"))
    other.signed_up()
    assert other.idp.initiate_auth(ClientId=other.client, AuthFlow="USER_PASSWORD_AUTH",
                                   AuthParameters=password)["AuthenticationResult"]["IdToken"]
    assert other.admin.admin_initiate_auth(UserPoolId=other.pool, ClientId=other.client, AuthParameters=password,
                                           AuthFlow="ADMIN_USER_PASSWORD_AUTH")["AuthenticationResult"]["IdToken"]
    assert refusal(other.sign_in)[0] == "InvalidParameterException"


@pytest.mark.requirement("OM-B13")
def test_refresh_works_until_sign_out_or_revocation(api: RunningApi) -> None:
    app = App(api)
    app.signed_up()
    first, second = app.sign_in(), app.sign_in()
    assert app.claims(app.refresh(first["RefreshToken"])["IdToken"], audience=app.client)["email"] == EMAIL
    app.idp.revoke_token(Token=first["RefreshToken"], ClientId=app.client)
    assert refusal(lambda: app.refresh(first["RefreshToken"]))[0] == "NotAuthorizedException"
    app.refresh(second["RefreshToken"])
    app.idp.global_sign_out(AccessToken=second["AccessToken"])
    assert refusal(lambda: app.refresh(second["RefreshToken"]))[0] == "NotAuthorizedException"
    assert refusal(lambda: app.idp.get_user(AccessToken=second["AccessToken"]))[0] == "NotAuthorizedException"
    assert refusal(lambda: app.refresh("made-up" * 10))[0] == "NotAuthorizedException"


@pytest.mark.requirement("OM-B13")
def test_a_forgotten_password_is_reset_by_a_mailed_code(api: RunningApi) -> None:
    app = App(api)
    app.signed_up("eve@example.com")
    app.idp.forgot_password(ClientId=app.client, Username="eve@example.com")
    code = app.code("eve@example.com")

    def reset(code: str, password: str) -> None:
        app.idp.confirm_forgot_password(ClientId=app.client, Username="eve@example.com", ConfirmationCode=code,
                                        Password=password)

    assert refusal(lambda: reset("1", "N3w!passwd"))[0] == "CodeMismatchException"
    assert refusal(lambda: reset(code, "weak"))[0] == "InvalidPasswordException"
    reset(code, "N3w!passwd")
    assert refusal(lambda: app.sign_in(email="eve@example.com"))[0] == "NotAuthorizedException"
    assert app.sign_in("N3w!passwd", "eve@example.com")["IdToken"]
    assert refusal(lambda: reset(code, "An0ther!pass"))[0] == "ExpiredCodeException"  # a code counts once


@pytest.mark.requirement("OM-S01")
def test_a_stranger_cannot_learn_who_has_an_account(api: RunningApi) -> None:
    app = App(api)
    app.signed_up()
    known, unknown = (refusal(lambda e=e: app.sign_in("Wr0ng!pass", e)) for e in (EMAIL, "nobody@example.com"))
    assert known == unknown == ("NotAuthorizedException", "Incorrect username or password.")
    answers = [app.idp.forgot_password(ClientId=app.client, Username=e)["CodeDeliveryDetails"]
               for e in ("alan@example.com", EMAIL)]
    assert answers[0] == answers[1]
    assert refusal(lambda: app.confirm("000000", "nobody@example.com"))[0] == "CodeMismatchException"


def test_capitals_do_not_matter_where_the_pool_says_so(api: RunningApi) -> None:
    app = App(api, UsernameConfiguration={"CaseSensitive": False})
    app.signed_up()
    assert app.sign_in(email="ANN@Example.com")["IdToken"]
    assert refusal(lambda: app.sign_up("Ann@EXAMPLE.com"))[0] == "UsernameExistsException"


@pytest.mark.requirement("OM-R25", "OM-R26")
def test_mail_comes_from_the_pools_own_sender(api: RunningApi) -> None:
    api.client("sesv2").create_email_identity(EmailIdentity="hello@example.com")
    app = App(api, EmailConfiguration={
        "EmailSendingAccount": "DEVELOPER", "SourceArn": f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/hello@example.com"})
    app.sign_up("dora@example.com")
    assert api.mail("dora@example.com")[-1]["from"] == "hello@example.com"


def test_users_and_sessions_survive_kill_9(api: RunningApi) -> None:
    app = App(api)
    app.sign_up("kay@example.com")
    code = app.code("kay@example.com")
    api.kill()
    assert app.code("kay@example.com") == code
    app.confirm(code, "kay@example.com")
    tokens = app.sign_in(email="kay@example.com")
    api.kill()
    assert app.claims(app.refresh(tokens["RefreshToken"])["IdToken"], audience=app.client)["email"] == "kay@example.com"
    assert app.idp.get_user(AccessToken=tokens["AccessToken"])
    app.idp.revoke_token(Token=tokens["RefreshToken"], ClientId=app.client)
    api.kill()
    assert refusal(lambda: app.refresh(tokens["RefreshToken"]))[0] == "NotAuthorizedException"


def test_admin_calls_need_their_grant(api: RunningApi) -> None:
    app = App(api)
    arn = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{app.pool}"
    client = api.client("cognito-idp", api.role("user-admin", grant("cognito-idp:AdminGetUser", arn)))
    assert refusal(lambda: client.admin_get_user(UserPoolId=app.pool, Username="x"))[0] == "UserNotFoundException"
    code, message = refusal(lambda: client.admin_delete_user(UserPoolId=app.pool, Username="x"))
    assert code == "AccessDeniedException"
    assert f"cognito-idp:AdminDeleteUser on resource: {arn}" in message
