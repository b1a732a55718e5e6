"""User pools and account passwords: who gets in, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from groundsill.checks.context import Context
from groundsill.checks.expect import TRUE, at_least, at_most, expected, number, one_of, truth
from groundsill.checks.rule import Family, Finding, Ruleset, Severity
from groundsill.graph.resource import Resource
from groundsill.graph.view import as_blocks, is_known

RULES = Ruleset(Family.SAFE)
POOL, CLIENT, ACCOUNT = "aws_cognito_user_pool", "aws_cognito_user_pool_client", "aws_iam_account_password_policy"
_SHORTEST_PASSWORD = 8
_CLASSES = ("require_lowercase", "require_uppercase", "require_numbers", "require_symbols")
_HOURS = {"seconds": 1 / 3600, "minutes": 1 / 60, "hours": 1.0, "days": 24.0}
_PASSWORD_FLOWS = {"ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"}
_LONGEST_ACCESS_HOURS, _LONGEST_REFRESH_HOURS = 24, 90 * 24


@RULES.rule(
    "user-pool-weak-password", Severity.MEDIUM, "users may choose passwords that are guessed",
    rationale="AWS Security Hub, Cognito.3: eight characters or more, with small and capital letters, digits and symbols; Amazon "
              "Cognito developer guide, \"Passwords\".",
    mend="set password_policy", types=(POOL,), controls=("FSBP Cognito.3",),
)
def _weak(context: Context, pool: Resource) -> Iterator[Finding]:
    policy = context.view.blocks(pool, "password_policy")
    if not policy:
        return  # then Cognito asks for all of it: Amazon Cognito developer guide, "Passwords"
    length = number(policy[0].get("minimum_length", _SHORTEST_PASSWORD))
    if length is not None and length < _SHORTEST_PASSWORD:
        yield Finding(pool, f"`minimum_length` is {length:g}", attribute="password_policy")
    missing = [name for name in _CLASSES if not truth(policy[0].get(name, False)) and is_known(policy[0].get(name))]
    if missing:
        yield Finding(pool, f"{', '.join(f'`{name}`' for name in missing)} {'is' if len(missing) == 1 else 'are'} not true",
                      attribute="password_policy", severity=Severity.LOW)


@RULES.rule(
    "client-sends-passwords", Severity.MEDIUM, "the app's client sends passwords to Cognito as they are",
    rationale="With SRP the password never leaves the device, and a stolen client id cannot be used to try lists of passwords as "
              "fast: Amazon Cognito developer guide, \"Authentication flows\".",
    mend="allow ALLOW_USER_SRP_AUTH and ALLOW_REFRESH_TOKEN_AUTH alone", types=(CLIENT,), production_only=True,
)
def _password_flow(context: Context, client: Resource) -> Iterator[Finding]:
    given = as_blocks(context.view.get(client, "explicit_auth_flows"))
    flows = [flow for flow in given if isinstance(flow, str) and flow in _PASSWORD_FLOWS]
    if flows:
        yield Finding(client, f"`explicit_auth_flows` holds {flows[0]}", attribute="explicit_auth_flows")


@RULES.rule(
    "client-with-implicit-flow", Severity.MEDIUM, "tokens are handed out in the address of a page",
    rationale="They end in histories and logs: Amazon Cognito developer guide, \"OAuth 2.0 grants\"; RFC 9700, section 2.1.2.",
    mend="use the code flow with PKCE", types=(CLIENT,),
)
def _implicit(context: Context, client: Resource) -> Iterator[Finding]:
    if "implicit" in as_blocks(context.view.get(client, "allowed_oauth_flows")):
        yield Finding(client, "`allowed_oauth_flows` holds implicit", attribute="allowed_oauth_flows")


@RULES.rule(
    "client-calls-back-in-clear-text", Severity.MEDIUM, "codes come back in clear text",
    rationale="Amazon Cognito developer guide, \"Application-specific settings with app clients\": https, but for localhost.",
    mend="use https", types=(CLIENT,),
)
def _callback(context: Context, client: Resource) -> Iterator[Finding]:
    for address in as_blocks(context.view.get(client, "callback_urls")):
        if isinstance(address, str) and address.startswith("http://") and not address.startswith("http://localhost"):
            yield Finding(client, f"`callback_urls` holds {address[:60]}", attribute="callback_urls")


@RULES.rule(
    "client-tokens-live-too-long", Severity.LOW, "whoever gets a token is let in for too long",
    rationale="An access token cannot be taken back where services check it by themselves: Amazon Cognito developer guide, "
              "\"Application-specific settings with app clients\", token expiration.",
    mend="an hour for access tokens, 30 days for refresh tokens", types=(CLIENT,),
)
def _lifetimes(context: Context, client: Resource) -> Iterator[Finding]:
    units = context.view.blocks(client, "token_validity_units")
    for name, longest, unit in (("access_token", _LONGEST_ACCESS_HOURS, "hours"), ("id_token", _LONGEST_ACCESS_HOURS, "hours"),
                                ("refresh_token", _LONGEST_REFRESH_HOURS, "days")):
        length = number(context.view.get(client, f"{name}_validity"))
        given: Any = units[0].get(name) if units else None
        hours = (length or 0) * _HOURS.get(str(given or unit), 1)
        if hours > longest:
            yield Finding(client, f"`{name}_validity` is {hours / 24:g} days", attribute=f"{name}_validity")


_ACCOUNT_CLASSES = ("require_lowercase_characters", "require_uppercase_characters", "require_numbers", "require_symbols")


@RULES.rule(
    "account-password-too-simple", Severity.LOW, "IAM users may choose simple passwords",
    rationale="IAM user guide, \"Set an account password policy for IAM users\".",
    mend="ask for letters of both kinds, digits and symbols",
    types=(ACCOUNT,), controls=("FSBP IAM.7", "CKV_AWS_11", "CKV_AWS_12", "CKV_AWS_14", "CKV_AWS_15"),
)
def _too_simple(context: Context, policy: Resource) -> Iterator[Finding]:
    missing = [name for name in _ACCOUNT_CLASSES if not truth(context.view.get(policy, name))]
    if missing:
        yield Finding(policy, f"{', '.join(f'`{name}`' for name in missing)} {'is' if len(missing) == 1 else 'are'} not true",
                      attribute=missing[0])


RULES.items += [
    expected(
        "user-pool-without-deletion-protection", Severity.HIGH, "one wrong apply deletes every user", POOL,
        at="deletion_protection", wanted=one_of("ACTIVE"), absent=False, production_only=True,
        why="Passwords cannot be exported, so users cannot be brought back: Amazon Cognito developer guide, \"User pool deletion "
            "protection\".",
        mend="set deletion_protection = \"ACTIVE\"", controls=("FSBP Cognito.6",),
    ),
    expected(
        "user-pool-without-second-factor", Severity.LOW, "users cannot protect their account with a second factor", POOL,
        at="mfa_configuration", wanted=one_of("ON", "OPTIONAL"), absent=False, production_only=True, tiers=("enterprise",),
        why="A password that is used elsewhere too gets out: Amazon Cognito developer guide, \"Adding MFA to a user pool\".",
        mend="set mfa_configuration = \"OPTIONAL\" with software_token_mfa_configuration", controls=("FSBP Cognito.5",),
    ),
    expected(
        "user-pool-without-threat-protection", Severity.LOW, "passwords that are known to be stolen still get in", POOL,
        at="user_pool_add_ons.advanced_security_mode", wanted=one_of("ENFORCED", "AUDIT"), absent=False, production_only=True,
        tiers=("enterprise",),
        why="It costs per user, and blocks stolen passwords and strange sign-ins: Amazon Cognito developer guide, "
            "\"Advanced security "
            "with threat protection\".",
        mend="set user_pool_add_ons with advanced_security_mode ENFORCED (plan PLUS)", controls=("FSBP Cognito.1",),
    ),
    expected(
        "client-tells-who-is-a-user", Severity.MEDIUM, "anybody can find out who has an account", CLIENT,
        at="prevent_user_existence_errors", wanted=one_of("ENABLED"), absent=False,
        why="Otherwise an unknown name is answered differently: Amazon Cognito developer guide, \"Managing user existence error "
            "responses\".",
        mend="set prevent_user_existence_errors = \"ENABLED\"",
    ),
    expected(
        "client-cannot-revoke", Severity.MEDIUM, "a stolen session cannot be ended", CLIENT, at="enable_token_revocation",
        wanted=TRUE, absent=True, why="Amazon Cognito developer guide, \"Ending user sessions with token revocation\".",
        mend="leave enable_token_revocation out",
    ),
    expected(
        "account-password-too-short", Severity.MEDIUM, "IAM users may choose short passwords", ACCOUNT,
        at="minimum_password_length", wanted=at_least(14), absent=False,
        why="IAM user guide, \"Set an account password policy for IAM users\"; CIS 1.8.",
        mend="set minimum_password_length to 14",
        controls=("FSBP IAM.7", "CIS 1.8", "CKV_AWS_10"),
    ),
    expected(
        "account-password-reused", Severity.LOW, "IAM users may take an old password again", ACCOUNT,
        at="password_reuse_prevention", wanted=at_least(24), absent=False,
        why="IAM user guide, \"Set an account password policy for IAM users\"; CIS 1.9.",
        mend="set password_reuse_prevention to 24",
        controls=("CIS 1.9", "CKV_AWS_13"),
    ),
    expected(
        "role-session-too-long", Severity.LOW, "whoever gets a session has it for half a day", "aws_iam_role",
        at="max_session_duration", wanted=at_most(4 * 3600), absent=True, production_only=True,
        why="IAM user guide, \"Update the maximum session duration for a role\".",
        mend="leave max_session_duration out, for an hour",
    ),
]
