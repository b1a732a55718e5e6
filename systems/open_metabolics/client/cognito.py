"""Sign-up, sign-in and tokens of a Cognito user pool, as an app without a secret does it.

These calls are public and need no AWS credentials. Source: Amazon Cognito User Pools API Reference.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from . import srp
from .configuration import Configuration
from .transport import Connection, ServiceError

# An ID token that ends sooner is refreshed before it is used.
MARGIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a signed-in user; `expires_at` by this machine's monotonic clock."""

    id_token: str
    access_token: str
    refresh_token: str
    expires_at: float

    @property
    def is_fresh(self) -> bool:
        """Whether the ID token holds for another minute."""
        return time.monotonic() < self.expires_at - MARGIN_SECONDS


class UserPool:
    """The calls of one app client of one pool."""

    def __init__(self, configuration: Configuration) -> None:
        self._pool_id = configuration.cognito_pool_id
        self._client_id = configuration.cognito_client_id
        self._connection = Connection(configuration.cognito_url)

    def sign_up(self, email: str, password: str, given_name: str, family_name: str) -> None:
        """Create an account; a code goes to the address. Raises `ServiceError` (InvalidPasswordException,
        ...)."""
        attributes = {"email": email, "given_name": given_name, "family_name": family_name}
        self._call(
            "SignUp",
            {
                "Username": email,
                "Password": password,
                "UserAttributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
            },
        )

    def confirm(self, email: str, code: str) -> None:
        """Confirm the address with the mailed code."""
        self._call("ConfirmSignUp", {"Username": email, "ConfirmationCode": code})

    def resend_code(self, email: str) -> None:
        """Mail a new code."""
        self._call("ResendConfirmationCode", {"Username": email})

    def sign_in(self, email: str, password: str) -> Tokens:
        """Sign in by SRP: the password never leaves this process."""
        exchange = srp.Exchange(self._pool_id)
        challenge = self._call(
            "InitiateAuth",
            {
                "AuthFlow": "USER_SRP_AUTH",
                "AuthParameters": {"USERNAME": email, "SRP_A": exchange.public_hex},
            },
        )
        if challenge.get("ChallengeName") != "PASSWORD_VERIFIER":
            raise ServiceError(0, "unknown_challenge", f"the pool asks for {challenge.get('ChallengeName')}")
        answer = {
            "ChallengeName": "PASSWORD_VERIFIER",
            "ChallengeResponses": exchange.answer(challenge["ChallengeParameters"], password),
        }
        if challenge.get("Session"):
            answer["Session"] = challenge["Session"]
        result = self._call("RespondToAuthChallenge", answer)
        if "AuthenticationResult" not in result:
            raise ServiceError(0, "unknown_challenge", f"the pool asks for {result.get('ChallengeName')}")
        return _tokens(result["AuthenticationResult"], None)

    def refresh(self, tokens: Tokens) -> Tokens:
        """New ID and access tokens by the refresh token."""
        result = self._call(
            "InitiateAuth",
            {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": tokens.refresh_token}},
        )
        return _tokens(result["AuthenticationResult"], tokens.refresh_token)

    def sign_out(self, tokens: Tokens) -> None:
        """End the session here and on every other device: refresh tokens no longer work."""
        self._call("GlobalSignOut", {"AccessToken": tokens.access_token}, with_client=False)

    def forgot_password(self, email: str) -> None:
        """Mail a code for a new password."""
        self._call("ForgotPassword", {"Username": email})

    def set_new_password(self, email: str, code: str, password: str) -> None:
        """Set a new password with the mailed code."""
        self._call(
            "ConfirmForgotPassword", {"Username": email, "ConfirmationCode": code, "Password": password}
        )

    def _call(self, operation: str, values: dict[str, Any], *, with_client: bool = True) -> dict[str, Any]:
        body = {"ClientId": self._client_id, **values} if with_client else values
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AWSCognitoIdentityProviderService.{operation}",
        }
        # Not repeated: a code and a challenge are good for one answer.
        return self._connection.request("POST", "/", body, headers=headers, attempts=1)


def _tokens(result: dict[str, Any], refresh_token: str | None) -> Tokens:
    return Tokens(
        id_token=result["IdToken"],
        access_token=result["AccessToken"],
        refresh_token=result.get("RefreshToken") or refresh_token or "",
        expires_at=time.monotonic() + float(result.get("ExpiresIn", 3600)),
    )
