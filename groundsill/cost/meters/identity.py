"""Amazon Cognito, Amazon SES, AWS End User Messaging, AWS IAM.

"Amazon Cognito Pricing" (aws.amazon.com/cognito/pricing): active users by the pool's tier, Essentials where none is named.
"Amazon SES Pricing": each recipient.
"""

from __future__ import annotations

from collections.abc import Iterator

from groundsill.cost.amount import Amount
from groundsill.cost.context import Context, title
from groundsill.cost.model import Edge, Lines, Parameter, Service
from groundsill.cost.quantities import Dimension
from groundsill.cost.routes import calls, function_of
from groundsill.graph.resource import Resource

users = Service("Amazon Cognito", free={
    f"aws_cognito_{name}": "part of its user pool, which is paid by the active user" for name in (
        "identity_provider", "resource_server", "risk_configuration", "user", "user_group", "user_in_group",
        "user_pool_client", "user_pool_domain", "user_pool_ui_customization", "identity_pool", "managed_user_pool_client",
        "identity_pool_roles_attachment", "managed_login_branding")
})


@users.meter("aws_cognito_user_pool", Parameter("users", Dimension.COUNT, "people that sign in in a month", entry=True))
def pool(context: Context, pool: Resource) -> Lines:
    """People that sign in, by the pool's tier."""
    tier = (context.text(pool, "user_pool_tier", default="ESSENTIALS") or "unknown").lower()
    yield context.line(pool, "active users", f"cognito.{tier}_mau", context.measure(pool, "users", "active users"))


@users.flow
def pool_calls(context: Context) -> Iterator[Edge]:
    """Mails and functions of a pool."""
    for pool in context.of_type("aws_cognito_user_pool"):
        for target in context.graph_targets(pool):
            if target.type == "aws_sesv2_email_identity":
                yield Edge((pool.address, "users"), (target.address, "emails"), Amount(0.05, 0.5, 3),
                           f"{title(pool)}: sends half a mail to each active user (0.05 to 3)")
            function = function_of(context, target)
            if function is not None:
                yield Edge((pool.address, "users"), calls(function), Amount(0.1, 5, 60),
                           f"{title(function)}: is invoked 5 times for each active user (0.1 to 60)")


mail = Service("Amazon SES", free={f"aws_{name}": "a setting" for name in (
    "sesv2_email_identity_policy", "sesv2_configuration_set", "sesv2_configuration_set_event_destination", "ses_domain_dkim",
    "ses_domain_identity", "ses_email_identity", "ses_identity_policy", "ses_template", "ses_configuration_set",
    "ses_domain_mail_from", "sesv2_email_identity_mail_from_attributes", "sesv2_email_identity_feedback_attributes")})


@mail.meter("aws_sesv2_email_identity", Parameter("emails", Dimension.RATE, "mails that it sends", entry=True))
def email_identity(context: Context, identity: Resource) -> Lines:
    """Mails that are sent."""
    yield context.line(identity, "mails", "ses.email_sent", context.measure(identity, "emails"))


texts = Service("AWS End User Messaging",
    free={"aws_pinpointsmsvoicev2_configuration_set": "a setting", "aws_pinpointsmsvoicev2_opt_out_list": "a list"})


@texts.meter("aws_pinpointsmsvoicev2_phone_number", Parameter("messages", Dimension.RATE, "texts that it sends", entry=True))
def phone_number(context: Context, number: Resource) -> Lines:
    """A number by the month, and each text by country and carrier."""
    kind = (context.text(number, "number_type") or "unknown").lower()
    if kind == "simulator":
        yield context.free(number, "a simulator reaches nobody, and is for trying out", "texts")
        return
    yield context.not_known(number, "number", f"the price of a {kind} number differs by country; state it in [prices] as soon "
                            "as you know it")
    yield context.not_known(number, "texts", "the price of a text differs by country and carrier")


iam = Service("AWS IAM", free={f"aws_iam_{name}": "IAM costs nothing" for name in (
    "access_key", "account_password_policy", "group", "group_membership", "group_policy", "group_policy_attachment",
    "openid_connect_provider", "policy", "policy_attachment", "role", "role_policies_exclusive", "role_policy",
    "role_policy_attachment", "role_policy_attachments_exclusive", "service_linked_role", "user", "user_policy",
    "user_policy_attachment", "account_alias", "server_certificate", "saml_provider")})
access = Service("AWS IAM Access Analyzer")


@access.meter("aws_accessanalyzer_analyzer", Parameter(
    "roles", Dimension.COUNT, "users and roles that it looks at:", Amount(10, 50, 300)))
def analyzer(context: Context, analyzer: Resource) -> Lines:
    """Looking for access from outside is free; looking for access that nobody uses is paid for each user and role."""
    if (context.text(analyzer, "type") or "").endswith("UNUSED_ACCESS"):
        yield context.line(analyzer, "users and roles", "iam_access_analyzer.unused_access_per_role_month",
                           context.measure(analyzer, "roles", "users and roles"))
    else:
        yield context.free(analyzer, "analysers of external access are free")
