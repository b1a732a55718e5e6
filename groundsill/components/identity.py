"""Cognito user pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from groundsill import aws
from groundsill.components.email import EmailSender
from groundsill.components.keys import account_id
from groundsill.components.roles import require
from groundsill.definition.component import Collecting, Component, Mistake, step
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import Reference, Resource, did_you_mean
from groundsill.graph.value import Value

SignIn = Literal["srp", "password", "admin"]
_FLOWS = {"srp": "ALLOW_USER_SRP_AUTH", "password": "ALLOW_USER_PASSWORD_AUTH", "admin": "ALLOW_ADMIN_USER_PASSWORD_AUTH"}
_CODE = "{####}"  # Amazon Cognito API: VerificationMessageTemplateType
_SHORTEST_PASSWORD, _LONGEST_PASSWORD = 6, 99  # Amazon Cognito API: PasswordPolicyType


class Password(Value, metaclass=Collecting):
    """What a password must have.

    Arguments:
        length: fewest characters, 6 to 99, default 8.
        upper: an upper-case letter, default required.
        lower: a lower-case letter, default required.
        digit: a digit, default required.
        symbol: a symbol, default required.

    Example:
        ``UserPool("users", password=Password(length=12, symbol=False))``
    """

    __slots__ = ("length", "upper", "lower", "digit", "symbol")  # noqa: RUF023  in the constructor's order

    def __init__(
        self, length: int = 8, upper: bool = True, lower: bool = True, digit: bool = True, symbol: bool = True,
    ) -> None:
        self.length: Final = length
        self.upper: Final = upper
        self.lower: Final = lower
        self.digit: Final = digit
        self.symbol: Final = symbol


class UserPool(Component):
    """People who sign up and in: a Cognito user pool with verified e-mail addresses.

    Arguments:
        component: unique in the system.
        name: the name that AWS sees; default from the system's name pattern.
        password: what a password must have; default 8 characters of all four kinds.
        attributes: further standard attributes that everyone must give, for example ``("given_name", "family_name")``.
        email: the sender of verification mail; default Cognito's own address, which sends 50 mails a day.
        subject: subject of the verification mail; default Cognito's own.
        message: its text, with ``{####}`` where the code goes; default Cognito's own.

    Verbs for `uses`: ``verify`` (check tokens; passes ``USER_POOL_ISSUER``, ``USER_POOL_JWKS_URL`` and, once there is a
    client, ``USER_POOL_CLIENT_ID``; needs no permission), ``manage`` (administer users; passes ``<NAME>_USER_POOL_ID``).

    Resources created: ``aws_cognito_user_pool``, and one ``aws_cognito_user_pool_client`` for each `client`; with ``email``
    an ``aws_sesv2_email_identity_policy``.

    Costs: per monthly active user above the free allowance.

    Example:
        ``UserPool("users", attributes=("given_name",), email=sender)``
    """

    def __init__(
        self, component: str, /, *, name: str | None = None, password: Password | None = None,
        attributes: Sequence[str] = (), email: EmailSender | None = None, subject: str | None = None,
        message: str | None = None,
    ) -> None:
        super().__init__(component)
        rules = password or Password()
        require(rules, Password, "password", self)
        if not _SHORTEST_PASSWORD <= rules.length <= _LONGEST_PASSWORD:
            raise Mistake("GS1361", f"a password has {_SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} characters, not {rules.length}",
                          mend="eight are usual")
        if email is not None:
            require(email, EmailSender, "email", self)
        if message is not None and _CODE not in message:
            raise Mistake("GS1363", "the verification mail has no place for the code", mend=f"write {_CODE} where it goes")
        self.clients: list[Resource] = []
        self.resource = aws.cognito_user_pool(
            self.terraform_name(),
            name=self.physical_name("aws_cognito_user_pool", name),
            username_attributes=["email"],
            auto_verified_attributes=["email"],
            username_configuration={"case_sensitive": False},
            deletion_protection="ACTIVE" if self.stage.production else "INACTIVE",
            password_policy={
                "minimum_length": rules.length, "require_uppercase": rules.upper, "require_lowercase": rules.lower,
                "require_numbers": rules.digit, "require_symbols": rules.symbol, "temporary_password_validity_days": 7,
            },
            schema=[_attribute(attribute) for attribute in dict.fromkeys(("email", *attributes))],
            account_recovery_setting={"recovery_mechanism": [{"name": "verified_email", "priority": 1}]},
            verification_message_template={
                "default_email_option": "CONFIRM_WITH_CODE", "email_subject": subject, "email_message": message,
            },
            email_configuration=(
                {"email_sending_account": "DEVELOPER", "source_arn": email.arn, "from_email_address": email.address}
                if email else {"email_sending_account": "COGNITO_DEFAULT"}
            ),
        )
        if email:
            email.allow_service("cognito-idp.amazonaws.com", "CognitoSends", {
                # The pool needs the policy before it exists, so the account stands for the pool here.
                "StringEquals": {"aws:SourceAccount": account_id()},
            })
            policies = [item.address for item in self.building.graph.of_component(self.name)
                        if item.type == "aws_sesv2_email_identity_policy"]
            self.resource.depends_on = tuple(policies)

    @step
    def client(
        self, component: str, /, *, name: str | None = None, sign_in: Sequence[SignIn] = ("srp",),
        token_hours: int = 1, refresh_days: int = 30,
    ) -> Resource:
        """An application that signs people in, without a secret (a phone or browser cannot keep one).

        Arguments:
            component: unique in the pool, for example ``app``.
            name: the name that AWS sees; default from the system's name pattern.
            sign_in: ways to sign in beside refresh: ``srp`` (default: the password never leaves the device), ``password``,
                ``admin``.
            token_hours: life of id and access tokens, default 1.
            refresh_days: life of refresh tokens, default 30.
        """
        unknown = [way for way in sign_in if way not in _FLOWS]
        if unknown:
            raise Mistake("GS1362", f"unknown way to sign in: {unknown[0]!r}",
                          mend=did_you_mean(str(unknown[0]), _FLOWS, what="Known ways"))
        client = aws.cognito_user_pool_client(
            self.terraform_name(component),
            name=self.physical_name("aws_cognito_user_pool_client", name, "" if name else component),
            user_pool_id=self.resource["id"],
            explicit_auth_flows=sorted({*(_FLOWS[way] for way in sign_in), "ALLOW_REFRESH_TOKEN_AUTH"}),
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            generate_secret=False,
            access_token_validity=token_hours, id_token_validity=token_hours, refresh_token_validity=refresh_days,
            token_validity_units={"access_token": "hours", "id_token": "hours", "refresh_token": "days"},
        )
        self.clients.append(client)
        return client

    @property
    def issuer(self) -> str:
        """What the tokens' ``iss`` claim says."""
        return f"https://{self.resource['endpoint']}"

    @property
    def arn(self) -> Reference:
        """ARN of the pool."""
        return self.resource["arn"]

    @property
    def verify(self) -> Grant:
        """Check the tokens of people who are signed in."""
        environment: dict[str, Any] = {
            "USER_POOL_ISSUER": self.issuer, "USER_POOL_JWKS_URL": f"{self.issuer}/.well-known/jwks.json",
        }
        if self.clients:
            environment["USER_POOL_CLIENT_ID"] = self.clients[0]["id"]
        return Grant(self.name, "verify", (), environment)

    @property
    def manage(self) -> Grant:
        """Create, look up, change and delete users."""
        actions = ("AdminCreateUser", "AdminDeleteUser", "AdminDisableUser", "AdminEnableUser", "AdminGetUser",
                   "AdminUpdateUserAttributes", "AdminUserGlobalSignOut", "ListUsers")
        statement = Statement(tuple(f"cognito-idp:{action}" for action in actions), (self.arn,))
        return Grant(self.name, "manage", (statement,),
                     {environment_name(self.name, "user-pool-id"): self.resource["id"]})


def _attribute(name: str) -> Any:
    # Standard attributes are strings of up to 2,048 characters; stated, because Cognito's answer states them and a plan
    # would otherwise want to replace the pool.
    return {
        "name": name, "attribute_data_type": "String", "required": True, "mutable": True,
        "string_attribute_constraints": {"min_length": "0", "max_length": "2048"},
    }
