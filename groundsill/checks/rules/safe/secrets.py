"""Secrets in plain text: what opens a door and stands where many can read it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.checks.rules.safe.containers import containers
from groundsill.graph.reference import JsonDocument, Reference, Unknown, references_in
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.view import as_blocks, is_known

RULES = Ruleset(Family.SAFE)
_PAGE = "AWS Secrets Manager user guide, \"Best practices\""

# Forms that issuers give their keys, so that they can be found: what each begins with, and the whole of it.
_FORMS: dict[str, tuple[tuple[str, ...], str]] = {
    "an AWS access key": (("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    "a private key": (("-----BEGIN ",), r"-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED |PGP )?PRIVATE KEY"),
    "a GitHub token": (("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
                       r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{50,})"),
    "a GitLab token": (("glpat-",), r"\bglpat-[\w-]{20,}"),
    "a Slack token": (("xox",), r"\bxox[abeoprs]-[\w-]{10,}"),
    "a Slack webhook": (("hooks.slack.com",), r"hooks\.slack\.com/services/T\w+/B\w+/\w+"),
    "a Stripe key": (("sk_", "rk_"), r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}"),
    "a Stripe webhook secret": (("whsec_",), r"\bwhsec_[A-Za-z0-9+/=]{24,}"),
    "a Google API key": (("AIza",), r"\bAIza[\w-]{35}"),
    "a SendGrid key": (("SG.",), r"\bSG\.[\w-]{20,}\.[\w-]{20,}"),
    "a Twilio key": (("SK",), r"\bSK[0-9a-f]{32}\b"),
    "an npm token": (("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a PyPI token": (("pypi-",), r"\bpypi-AgEI[\w-]{50,}"),
    "a model provider's key": (("sk-",), r"\bsk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{32,}"),
    "a Hugging Face token": (("hf_",), r"\bhf_[A-Za-z0-9]{30,}\b"),
    "a signed token": (("eyJ",), r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
}
_BEGINNINGS = tuple((beginning, name) for name, (beginnings, _) in _FORMS.items() for beginning in beginnings)
_LOGIN_IN_ADDRESS = r"\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@'\"]{0,200}:[^\s:/@'\"${}<]{3,300}@\S"
_SHORTEST_FORM = 12
# AWS's own example keys, which stand in documents and tests.
_EXAMPLES = ("AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE")

_SENSITIVE_NAMES = (
    r"(?i)(?:^|[_.\-/])(?:password|passwd|pwd|passphrase|secret|token|api_?key|access_?key|secret_?key|private_?key"
    r"|auth_?key|signing_?key|encryption_?key|jwt_?key|credentials?|master_?key|client_?secret|webhook_?secret)(?:[_.\-/]?\d*)$"
)
_CAMEL = r"(?<=[a-z0-9])(?=[A-Z])"
# One of these is in every name of a secret, and in nearly no other: to look for them is quicker than to look for the form.
_HINTS = ("pass", "pwd", "secret", "token", "key", "credential")
# Names that speak of a secret without holding one: DB_SECRET_ARN, TOKEN_TTL, PASSWORD_MIN_LENGTH.
_NO_VALUE = (
    r"(?i)^(?:|true|false|yes|no|on|off|none|null|enabled|disabled|required|optional|auto|\*+|x+|<.*>"
    r"|\{\{.*\}\}|\$\{.*\}|changeme|change_me|replace_?me|todo|example|placeholder|\d+(?:\.\d+)?"
    r"|\d+\s?[smhdw])$"
)
_ADDRESS = r"(?i)^(?:arn:|https?://|wss?://|s3://|/|\./|~/|file:|urn:)"
_MOST_NAMES = 4
_LEAST_ENTROPY, _LEAST_LENGTH = 4.2, 32  # bits a character; what random base64 has, and words and paths have not
_RANDOM = r"[A-Za-z0-9+/_=-]+"
_HARMLESS_NAME = (
    r"(?i)(hash|sha\d*|digest|checksum|fingerprint|etag|public|certificate|cert|image|version|revision|commit"
    r"|(^|_)id|ids|arn|url|uri|host|path|prefix|pattern|model|schema)s?$"
)


def form_of(text: str) -> str:
    """Which known key a text holds; empty for none.

    Example:
        >>> form_of("postgres://shop:hunter22@db.example/shop")
        'a password in an address'
        >>> form_of("https://db.example/shop")
        ''
    """
    if len(text) < _SHORTEST_FORM:
        return ""
    if "://" in text and "@" in text and re.search(_LOGIN_IN_ADDRESS, text):
        return "a password in an address"
    # Nearly no text has even a beginning, and to look for that is much quicker than to look for a form.
    for beginning, name in _BEGINNINGS:
        if beginning in text and any(found not in _EXAMPLES for found in re.findall(_FORMS[name][1], text)):
            return name
    return ""


def entropy(text: str) -> float:
    """Bits of information a character, by how often each occurs (Shannon)."""
    counts = {character: text.count(character) for character in set(text)}
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())


def looks_random(text: str) -> bool:
    """Whether a text looks like a random key: long, of every kind of character, and without words.

    Example:
        >>> looks_random("wJalrXUtnFEMI7K7MDENG9bPxRfiCYzEXAMPLEKEY"), looks_random("orders-and-customers-of-the-last-month")
        (True, False)
    """
    if len(text) < _LEAST_LENGTH or not re.fullmatch(_RANDOM, text) or text.count("-") + text.count("_") + text.count("/") > 3:
        return False
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(kind(character) for character in text) for kind in kinds) and entropy(text) >= _LEAST_ENTROPY


def _harmless(text: str) -> bool:
    """Whether a text is no secret whatever its name says: a switch, a number, a stand-in, an address."""
    return bool(re.match(_NO_VALUE, text) or re.match(_ADDRESS, text))


def named_secret(name: str) -> bool:
    """Whether a name says that its value is a secret.

    Example:
        >>> named_secret("DB_PASSWORD"), named_secret("DB_SECRET_ARN"), named_secret("stripeApiKey"), named_secret("TOKEN_TTL")
        (True, False, True, False)
    """
    return any(map(name.lower().__contains__, _HINTS)) and bool(re.search(_SENSITIVE_NAMES, re.sub(_CAMEL, "_", name)))


def found_in(name: str, value: Any) -> str:
    """What secret a named value holds; empty for none. A reference, an address, a number and a switch are none."""
    if not isinstance(value, str):
        return ""
    literal = value if is_known(value) else ""
    form = form_of(value)
    if form:
        return form
    if named_secret(name):
        return "a value under a name of a secret" if literal and not _harmless(literal) else ""
    if looks_random(literal) and not re.search(_HARMLESS_NAME, name) and not _harmless(literal):
        return "what looks like a random key"
    return ""


def _reported(resource: Resource, argument: str, found: list[tuple[str, str]]) -> Iterator[Finding]:
    for name, what in found[:_MOST_NAMES]:
        certain = what != "what looks like a random key"
        yield Finding(resource, f"`{name}` holds {what}", attribute=argument, severity=None if certain else Severity.MEDIUM)


def _of_mapping(values: Any) -> list[tuple[str, str]]:
    pairs = values.items() if is_mapping(values) else ()
    return [(str(name), what) for name, value in pairs if (what := found_in(str(name), value))]


@RULES.rule(
    "secret-in-environment", Severity.HIGH, "a secret is an environment variable in plain text",
    rationale=f"Whoever may look at the function or the task reads it, and it is in the state and the plan: {_PAGE}.",
    mend="keep it in Secrets Manager and read it at run time",
    types=("aws_lambda_function", "aws_ecs_task_definition", "aws_codebuild_project", "aws_apprunner_service"),
    controls=("FSBP ECS.8", "FSBP CodeBuild.2", "CKV_AWS_45"),
)
def _environment(context: Context, resource: Resource) -> Iterator[Finding]:
    if resource.type == "aws_ecs_task_definition":
        for container in containers(context, resource):
            variables = container.get("environment")
            pairs = {str(item.get("name")): item.get("value") for item in as_blocks(variables) if is_mapping(item)}
            yield from _reported(resource, "container_definitions", _of_mapping(pairs))
            command = " ".join(str(part) for part in as_blocks(container.get("command")) if isinstance(part, str))
            yield from _reported(resource, "container_definitions", [("command", form)] if (form := form_of(command)) else [])
        return
    yield from _reported(resource, "environment", _of_mapping(context.view.get(resource, "environment", "variables")))
    for block in context.view.blocks(resource, "environment"):
        pairs = {str(item.get("name")): item.get("value") for item in as_blocks(block.get("environment_variable"))
                 if is_mapping(item) and item.get("type") in (None, "PLAINTEXT")}
        yield from _reported(resource, "environment", _of_mapping(pairs))


_ASSIGNMENT = r"""(?m)(?:^|[\s;])(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=["']?([^\s"';$`|&<>(]{4,})["']?"""


@RULES.rule(
    "secret-in-boot-script", Severity.HIGH, "a secret is in a machine's boot script",
    rationale="Everybody on the machine reads it at the metadata address, and whoever may describe the machine: Amazon EC2 user "
              "guide, \"Run commands when you launch an EC2 instance with user data input\".",
    mend="let the script fetch it from Secrets Manager with the machine's role",
    types=("aws_instance", "aws_launch_template", "aws_launch_configuration", "aws_spot_instance_request"),
    controls=("CKV_AWS_46",),
)
def _boot_script(context: Context, machine: Resource) -> Iterator[Finding]:
    for argument in ("user_data", "user_data_base64"):
        text = context.view.get(machine, argument)
        text = text.expression if isinstance(text, Unknown) else text
        if not isinstance(text, str):
            continue
        if argument == "user_data_base64" or machine.type == "aws_launch_template":
            text = _decoded(text)
        form = form_of(text)
        found = [("user_data", form)] if form else []
        found += [(name, "a value under a name of a secret") for name, value in re.findall(_ASSIGNMENT, text)
                  if named_secret(name) and not _harmless(value) and is_known(value)]
        yield from _reported(machine, argument, found)


def _decoded(text: str) -> str:
    import base64

    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except ValueError:
        return text


@RULES.rule(
    "secret-in-parameter", Severity.HIGH, "a secret is in a parameter that is stored in plain text",
    rationale="A String is readable to whoever may read parameters, and shown in the console: AWS Systems Manager user guide, "
              "\"Parameter types\".",
    mend="keep it in Secrets Manager, or in a SecureString whose value people set", types=("aws_ssm_parameter",),
    controls=("CKV2_AWS_34",),
)
def _parameter(context: Context, parameter: Resource) -> Iterator[Finding]:
    name = context.view.get(parameter, "name")
    value = context.view.get(parameter, "value") or context.view.get(parameter, "insecure_value")
    last = str(name).rpartition("/")[2] if isinstance(name, str) else parameter.name
    if context.view.get(parameter, "type") == "SecureString":
        plain = isinstance(value, str) and is_known(value) and not re.match(_NO_VALUE, value)
        if plain and (form_of(value) or named_secret(last)):
            yield Finding(parameter, "its value is written out in the definition", attribute="value")
        return
    content = value.content if isinstance(value, JsonDocument) else _parsed(value)
    pairs = content if is_mapping(content) else {last: value}
    yield from _reported(parameter, "value", _of_mapping(pairs))
    if isinstance(value, Reference | Unknown) and named_secret(last):
        yield Finding(parameter, f"`{last}` is stored as a String", attribute="type")


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None
    return None


_WRITTEN = {
    "aws_db_instance": ("password",), "aws_rds_cluster": ("master_password",), "aws_redshift_cluster": ("master_password",),
    "aws_docdb_cluster": ("master_password",), "aws_elasticache_replication_group": ("auth_token",),
    "aws_elasticache_user": ("passwords",), "aws_dms_endpoint": ("password",), "aws_mq_broker": ("user",),
    "aws_cognito_identity_provider": ("provider_details",), "aws_cloudwatch_event_connection": ("auth_parameters",),
    "aws_iam_user_login_profile": ("password",), "aws_directory_service_directory": ("password",),
    "aws_amplify_app": ("access_token", "oauth_token"),
    "aws_secretsmanager_secret_version": ("secret_string", "secret_string_wo"),
    "aws_transfer_user": ("password",),
}
_MIXED = ("provider_details", "auth_parameters", "user")
"""Arguments of `_WRITTEN` that hold what is no secret too."""


@RULES.rule(
    "secret-written-out", Severity.CRITICAL, "a password or key is written out in the definition",
    rationale=f"It is in version control, in plans and in the state, and everybody with a copy has it: {_PAGE}.",
    mend="let AWS make it (manage_master_user_password), or put it into Secrets Manager by hand", types=tuple(_WRITTEN),
    controls=("CKV_SECRET", "CKV2_AWS_36"),
)
def _written_out(context: Context, resource: Resource) -> Iterator[Finding]:
    for argument in _WRITTEN[resource.type]:
        for name, value in _leaves(argument, context.view.get(resource, argument)):
            inner = _parsed(value)
            pairs = inner.items() if is_mapping(inner) else [(name, value)]
            for key, text in pairs:
                literal = isinstance(text, str) and is_known(text) and not _harmless(text)
                secret = form_of(text) if isinstance(text, str) else ""
                if secret or (literal and (argument not in _MIXED or named_secret(str(key)))):
                    yield Finding(resource, f"`{key}` is written out", attribute=argument)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, JsonDocument):
        value = value.content
    if is_mapping(value):
        for key, item in value.items():
            yield from _leaves(str(key), item)
    elif is_list(value):
        for item in value:
            yield from _leaves(name, item)
    else:
        yield name, value


@RULES.rule(
    "secret-value-in-state", Severity.MEDIUM, "the secret's value is in Terraform's state",
    rationale="Whoever reads the state has it, and the next apply may put an old value back: Terraform language, \"Use "
              "write-only "
              "arguments\"; provider documentation, aws_secretsmanager_secret_version.",
    mend="use secret_string_wo with secret_string_wo_version, or ignore changes and set the value by hand",
    types=("aws_secretsmanager_secret_version",),
)
def _in_state(context: Context, version: Resource) -> Iterator[Finding]:
    value = version.arguments.get("secret_string")
    if value is None or (isinstance(value, str) and is_known(value) and re.match(_NO_VALUE, value)):
        return
    yield Finding(version, "`secret_string` is given", attribute="secret_string")


@RULES.rule(
    "secret-in-configuration", Severity.HIGH, "a known kind of key stands in plain text in the configuration",
    rationale=f"Tags, descriptions and documents are read by many and kept for long: {_PAGE}.",
    mend="take it out, make a new one, and keep that in Secrets Manager", controls=("CKV_SECRET_2", "CKV_SECRET_6", "CKV_AWS_41"),
)
def _anywhere(context: Context) -> Iterator[Finding]:
    covered = {"aws_lambda_function", "aws_ecs_task_definition", "aws_instance", "aws_launch_template",
               "aws_ssm_parameter", *_WRITTEN}
    for resource, argument, name, text in context.texts_where(form_of):
        if resource.type in covered and argument not in ("tags", "description"):
            continue
        form = form_of(text)
        if not (argument == "policy" and form.startswith("an AWS")):
            yield Finding(resource, f"`{name}` holds {form}", attribute=argument)
    secret = {name for resource in context.graph for name, _ in _tags(resource)}  # few names, on everything
    secret = {name for name in secret if named_secret(name)}
    for resource in context.graph if secret else ():
        for name, value in _tags(resource):
            if name in secret and isinstance(value, str) and is_known(value) and not _harmless(value):
                yield Finding(resource, f"the tag `{name}` holds a value", attribute="tags")


def _tags(resource: Resource) -> Iterator[tuple[str, Any]]:
    tags = resource.arguments.get("tags")
    if is_mapping(tags):
        for name, value in tags.items():
            yield str(name), value


_FETCHED = r"(?:get-secret-value|get-parameters?\b[^\n;]*--with-decryption)"
_TO_DISK = r"(?:>>?|\btee(?:\s+-a)?)\s*[\"']?(/[^\s\"';|&)]+)"
_IN_MEMORY = ("/run/", "/dev/", "/var/run/", "/proc/")


@RULES.rule(
    "secret-written-to-disk", Severity.MEDIUM, "a boot script writes a secret to the disk",
    rationale="It stays there in plain text, in every snapshot too, and is old as soon as the secret changes: AWS "
              "Secrets Manager user "
              "guide, \"Best practices\".",
    mend="fetch it when the program starts, into a file below /run at most", types=("aws_instance", "aws_launch_template"),
)
def _to_disk(context: Context, machine: Resource) -> Iterator[Finding]:
    text = context.view.get(machine, "user_data")
    text = text.expression if isinstance(text, Unknown) else text
    if not isinstance(text, str):
        return
    if machine.type == "aws_launch_template":
        text = _decoded(text)
    for line in text.replace("\\\n", " ").splitlines():
        fetched = re.search(_FETCHED, line)
        target = re.search(_TO_DISK, line[fetched.end():]) if fetched else None
        if target and not target[1].startswith(_IN_MEMORY):
            yield Finding(machine, f"it writes one to {target[1]}", attribute="user_data")


@RULES.rule(
    "secret-stale-after-rotation", Severity.MEDIUM, "tasks keep the old password when the secret is rotated",
    rationale="A value that ECS puts into the environment is fetched once, at the task's start, and every process of "
              "the container sees "
              "it: Amazon ECS developer guide, \"Pass Secrets Manager secrets through Amazon ECS environment variables\".",
    mend="let the program read the secret when it connects", types=("aws_ecs_task_definition",),
)
def _stale(context: Context, task: Resource) -> Iterator[Finding]:
    for container in containers(context, task):
        for item in as_blocks(container.get("secrets")):
            for reference in references_in(item.get("valueFrom")) if is_mapping(item) else ():
                target = context.graph.target(reference)
                if target is not None and (target.type in ("aws_db_instance", "aws_rds_cluster") or any(
                    context.view.referring(target, "aws_secretsmanager_secret_rotation")
                )):
                    yield Finding(task, f"`{item.get('name')}` comes from {target.address}, which is rotated",
                                  attribute="container_definitions", related=(target,))


_SWITCH = r"^(?:SEED(?:_DB|_DATABASE)?|LOAD_FIXTURES|DEMO_DATA|DEBUG|FLASK_DEBUG|DJANGO_DEBUG|WERKZEUG_DEBUG_PIN)$"
_MODE = r"^(?:NODE_ENV|RAILS_ENV|FLASK_ENV|APP_ENV|RACK_ENV)$"


@RULES.rule(
    "development-switch-in-production", Severity.MEDIUM, "a switch that belongs to development is on in production",
    rationale="Demo data brings accounts whose passwords everybody knows, and debug pages show what is inside: CWE-489, "
              "\"Active Debug "
              "Code\"; The Twelve-Factor App, \"Dev/prod parity\".",
    mend="leave it out in production", types=("aws_lambda_function", "aws_ecs_task_definition"),
)
def _switch(context: Context, resource: Resource) -> Iterator[Finding]:
    if context.graph.production is not True:
        return  # a folder of Terraform files does not say which stage it is
    pairs: dict[str, Any] = {}
    if resource.type == "aws_ecs_task_definition":
        for container in containers(context, resource):
            pairs |= {str(item.get("name")): item.get("value") for item in as_blocks(container.get("environment"))
                      if is_mapping(item)}
    else:
        variables = context.view.get(resource, "environment", "variables")
        pairs = {str(name): value for name, value in variables.items()} if is_mapping(variables) else {}
    for name, value in pairs.items():
        said = str(value).lower()
        if (said in ("true", "1", "yes", "on") and re.match(_SWITCH, name)) or (said == "development" and re.match(_MODE, name)):
            yield Finding(resource, f"`{name}` is {said}",
                          attribute="environment" if resource.type == "aws_lambda_function" else "container_definitions")
