"""Secrets and parameters: what a workload is told at run time and no file of ours ever holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groundsill import aws
from groundsill.components.functions import Function
from groundsill.components.keys import Key, key_of_tier
from groundsill.components.roles import policy_document, require
from groundsill.definition.component import Component, Mistake, duration, step
from groundsill.definition.grant import Grant, Statement
from groundsill.definition.naming import environment_name
from groundsill.graph import JsonDocument, Lifecycle, Reference, Resource

_READ = ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")
_DAY = 86_400
_SHORTEST_RECOVERY, _LONGEST_RECOVERY = 7, 30  # Secrets Manager API: DeleteSecret, RecoveryWindowInDays
_SHORTEST_TEXT, _LONGEST_TEXT = 20, 4096  # our least; Secrets Manager API: GetRandomPassword, PasswordLength
_MOST_ROTATION_DAYS = 1000  # Secrets Manager API: RotationRulesType, AutomaticallyAfterDays
_LONGEST_PARAMETER = 4096  # Systems Manager: parameter tiers, standard


class Secret(Component):
    """A secret in Secrets Manager: a JSON object whose values never pass through a file, a plan or a state.

    Values are random texts made when the secret is first deployed, or given afterwards by the people who have them. Both
    stay as they are when the system is deployed again. A value that nobody has given yet is an empty text.

    Arguments:
        component: unique in the system.
        generate: keys whose values are random texts of letters and digits, which fit into a URL as they are.
        keys: keys whose values people give.
        values: secret settings by key: fields of type ``pydantic.SecretStr``, which only the environment of the deploy has.
        version: raise it by 1 to send ``values`` again, after one of them has changed; also random texts are then new.
            Default 1.
        length: characters of a random text, 20 to 4,096, default 48.
        encryption: a `Key` of the account's own; default by tier.
        rotation: a function that changes the values by Secrets Manager's four steps; default none.
        rotate_every: how often it is called, 1 to 1,000 days, default ``"30d"``.
        recovery: how long a deleted secret can be brought back, 7 to 30 days, default ``"7d"``, in production ``"30d"``.
        name: the name that AWS sees; default from the system's name pattern.
        description: shown in the console.

    Verbs for `uses`: ``read`` passes the ARN as ``<NAME>_SECRET_ARN``, and the workload fetches the value when it starts.
    ``inject({"VARIABLE": "key"})`` has the platform put single values into the environment.

    Resources created: ``aws_secretsmanager_secret``, ``aws_secretsmanager_secret_version``; with a function
    ``aws_secretsmanager_secret_rotation``, ``aws_lambda_permission`` and ``aws_iam_role_policy``.

    Costs: per secret and month, and per 10,000 reads.

    Example:
        ``Secret("app", generate=["jwt_secret_key"], keys=["llm_api_key"])``
    """

    def __init__(
        self, component: str, /, *, generate: Sequence[str] = (), keys: Sequence[str] = (),
        values: Mapping[str, Reference] | None = None, version: int = 1, length: int = 48,
        encryption: Key | None = None, rotation: Function | None = None, rotate_every: int | str = "30d",
        recovery: int | str | None = None, name: str | None = None, description: str | None = None,
    ) -> None:
        super().__init__(component)
        given = dict(values or {})
        names = [*generate, *keys, *given]
        for key, value in given.items():
            if not isinstance(value, Reference):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise Mistake("GS1425", f"the value of the secret's key {key!r} stands in the definition",
                              "whoever reads the file reads the secret",
                              f"declare a setting `{key}: SecretStr` and write values={{{key!r}: stage.setting({key!r})}}")
        if not names:
            raise Mistake("GS1424", "a secret without a key holds nothing",
                          mend='name its keys, for example generate=["jwt_secret_key"] or keys=["api_key"]')
        twice = sorted({key for key in names if names.count(key) > 1})
        if twice:
            raise Mistake("GS1412", f"the key {twice[0]!r} of a secret is named twice",
                          mend="a value is either random or given by people: name the key in one list")
        if not _SHORTEST_TEXT <= length <= _LONGEST_TEXT:
            raise Mistake("GS1413", f"a random text has {_SHORTEST_TEXT} to {_LONGEST_TEXT} characters, not {length}")
        self.keys = tuple(names)
        self.encryption = encryption or key_of_tier()
        self.resource = aws.secretsmanager_secret(
            self.terraform_name(), name=self.physical_name("aws_secretsmanager_secret", name),
            description=description, kms_key_id=self.encryption.arn if self.encryption else None,
            recovery_window_in_days=self._recovery(recovery),
        )
        content: dict[str, Any] = {**dict.fromkeys(keys, ""), **given}
        content |= {key: self._random(key, length) for key in generate}
        # Sent once for each version, and kept in no state. People and rotation change it afterwards.
        aws.secretsmanager_secret_version(
            self.terraform_name(), secret_id=self.resource["id"],
            secret_string_wo=JsonDocument({key: content[key] for key in sorted(content)}), secret_string_wo_version=version,
            lifecycle=Lifecycle(ignore_changes=("version_stages",)),
        )
        if rotation is not None:
            require(rotation, Function, "rotation", self)
            self._rotate(rotation, rotate_every)

    def _recovery(self, recovery: int | str | None) -> int:
        if recovery is None:
            return _LONGEST_RECOVERY if self.stage.production else _SHORTEST_RECOVERY
        days = duration("recovery", recovery) // _DAY
        if not _SHORTEST_RECOVERY <= days <= _LONGEST_RECOVERY:
            raise Mistake("GS1414", f"a deleted secret is kept {_SHORTEST_RECOVERY} to {_LONGEST_RECOVERY} days, not {days}",
                          mend='write for example recovery="7d"')
        return days

    def _random(self, key: str, length: int) -> Reference:
        text = Resource(
            "aws_secretsmanager_random_password", self.terraform_name(key),
            {"password_length": length, "exclude_punctuation": True}, ephemeral=True, component=self.name,
            location=self.location, subject=self.subject,
        )
        return self.building.graph.add(text)["random_password"]

    def _rotate(self, function: Function, every: int | str) -> None:
        days = rotation_days(every)
        permission = aws.lambda_permission(
            self.terraform_name("rotation"), statement_id="SecretsManagerRotates", action="lambda:InvokeFunction",
            function_name=function.resource["function_name"], principal="secretsmanager.amazonaws.com",
            source_arn=self.arn,
        )
        aws.secretsmanager_secret_rotation(
            self.terraform_name(), secret_id=self.resource["id"], rotation_lambda_arn=function.arn,
            rotation_rules={"automatically_after_days": days}, depends_on=[permission],
        )
        statements = [Statement((*_READ, "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"),
                                (self.arn,))]
        if self.encryption:
            statements.append(self.encryption.write_statement())
        aws.iam_role_policy(
            self.terraform_name("rotation"), name=f"rotate-{self.name}", role=function.role["id"],
            policy=policy_document([
                {"Sid": f"Rotate{index}", "Effect": "Allow", "Action": list(statement.actions),
                 "Resource": list(statement.resources)} for index, statement in enumerate(statements, 1)]),
        )

    @property
    def arn(self) -> Reference:
        """ARN of the secret."""
        return self.resource["arn"]

    def _reading(self) -> tuple[Statement, ...]:
        statements = [Statement(_READ, (self.arn,))]
        if self.encryption:
            statements.append(self.encryption.read_statement())
        return tuple(statements)

    @property
    def read(self) -> Grant:
        """Fetch the whole value."""
        return Grant(self.name, "read", self._reading(), {environment_name(self.name, "secret-arn"): self.arn})

    @step
    def inject(self, variables: Mapping[str, str], /) -> Grant:
        """Single values as environment variables of a container or machine, fetched by the platform at its start.

        Arguments:
            variables: key of the secret by the variable's name, for example ``{"JWT_SECRET": "jwt_secret_key"}``.
        """
        for variable, key in variables.items():
            if key not in self.keys:
                raise Mistake("GS1415", f"the secret has no key {key!r} for `{variable}`",
                              mend=f"its keys: {', '.join(self.keys)}")
        return Grant(self.name, "inject", secrets={name: f"{self.arn}:{key}::" for name, key in variables.items()},
                     secret_statements=self._reading())


class Parameter(Component):
    """A value in Systems Manager's Parameter Store that workloads read at run time: configuration, not a secret.

    Arguments:
        component: unique in the system.
        value: text, or a mapping that is stored as JSON; at most 4,096 characters.
        name: path that AWS sees, beginning with ``/``; default ``/<system>/<stage>/<component>``.
        managed: whether a deployment sets the value again; False lets people change it. Default True.
        description: shown in the console.

    Verbs for `uses`: ``read`` passes the path as ``<NAME>_PARAMETER``.

    Resources created: ``aws_ssm_parameter``.

    Costs: nothing.

    Example:
        ``Parameter("features", value={"search": True})``
    """

    def __init__(
        self, component: str, /, *, value: str | Mapping[str, Any], name: str | None = None, managed: bool = True,
        description: str | None = None,
    ) -> None:
        super().__init__(component)
        self.path = name or f"/{self.building.system}/{self.stage.name}/{component}"
        if not self.path.startswith("/"):
            raise Mistake("GS1416", f"the path of a parameter begins with a slash, not {self.path!r}",
                          mend=f'write name="/{self.path}"')
        if isinstance(value, str) and len(value) > _LONGEST_PARAMETER:
            raise Mistake("GS1417", f"a parameter holds at most {_LONGEST_PARAMETER} characters, not {len(value)}",
                          mend="keep longer texts in a bucket")
        self.resource = aws.ssm_parameter(
            self.terraform_name(), name=self.path, type="String", description=description,
            value=value if isinstance(value, str) else JsonDocument(dict(value)),
            lifecycle=None if managed else Lifecycle(ignore_changes=("value",)),
        )

    @property
    def arn(self) -> Reference:
        """ARN of the parameter."""
        return self.resource["arn"]

    @property
    def read(self) -> Grant:
        """Read the value."""
        return Grant(self.name, "read", (Statement(("ssm:GetParameter",), (self.arn,)),),
                     {environment_name(self.name, "parameter"): self.path})


def rotation_days(every: int | str) -> int:
    """How often a secret is rotated, in days.

    Raises:
        Mistake: where Secrets Manager does not rotate at that pace.
    """
    days = duration("rotate_every", every) // _DAY
    if not 1 <= days <= _MOST_ROTATION_DAYS:
        raise Mistake("GS1418", f"a secret is rotated every 1 to {_MOST_ROTATION_DAYS} days, not {days}",
                      mend='write for example rotate_every="30d"')
    return days
