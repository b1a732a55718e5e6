"""Cognito user pools and their clients in the AWS API of the ground."""

from __future__ import annotations

from typing import Any

from groundsill.ground.provision.attributes import Attributes, Place
from groundsill.ground.provision.handlers import Arguments, Clients, block, blocks, code_of


def user_pool(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_cognito_user_pool``; the pool of an earlier start is kept with its people."""
    client = clients("cognito-idp")
    rules = block(given, "password_policy")
    sending = block(given, "email_configuration")
    settings: dict[str, Any] = {
        "Policies": {"PasswordPolicy": {
            "MinimumLength": rules.get("minimum_length", 8), "RequireUppercase": rules.get("require_uppercase", True),
            "RequireLowercase": rules.get("require_lowercase", True), "RequireNumbers": rules.get("require_numbers", True),
            "RequireSymbols": rules.get("require_symbols", True),
        }},
        "AutoVerifiedAttributes": list(given.get("auto_verified_attributes") or []),
    }
    if sending.get("email_sending_account") == "DEVELOPER":
        settings["EmailConfiguration"] = {
            "EmailSendingAccount": "DEVELOPER", "SourceArn": sending["source_arn"],
            "From": sending.get("from_email_address") or sending["source_arn"].rpartition("/")[2],
        }
    pool_id = before.get("id")
    if pool_id:
        try:
            client.update_user_pool(UserPoolId=pool_id, **settings)
        except Exception as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            pool_id = None
    if not pool_id:
        pool_id = client.create_user_pool(
            PoolName=given["name"], UsernameAttributes=list(given.get("username_attributes") or []),
            UsernameConfiguration={"CaseSensitive": bool(block(given, "username_configuration").get("case_sensitive"))},
            Schema=[
                {"Name": attribute["name"], "AttributeDataType": attribute["attribute_data_type"],
                 "Required": bool(attribute.get("required")), "Mutable": bool(attribute.get("mutable", True))}
                for attribute in blocks(given, "schema")
            ],
            **settings,
        )["UserPool"]["Id"]
    return {
        "id": pool_id, "arn": place.arn("cognito-idp", f"userpool/{pool_id}"),
        "endpoint": f"cognito-idp.{place.region}.amazonaws.com/{pool_id}",
    }


def user_pool_client(clients: Clients, place: Place, given: Arguments, before: Attributes) -> Attributes:
    """``aws_cognito_user_pool_client``; the client of an earlier start keeps its id, which apps were built with."""
    client = clients("cognito-idp")
    units = block(given, "token_validity_units")
    settings: dict[str, Any] = {
        "UserPoolId": given["user_pool_id"], "ClientName": given["name"],
        "ExplicitAuthFlows": list(given.get("explicit_auth_flows") or []),
        "PreventUserExistenceErrors": given.get("prevent_user_existence_errors") or "LEGACY",
        "EnableTokenRevocation": bool(given.get("enable_token_revocation", True)),
        "TokenValidityUnits": {
            "AccessToken": units.get("access_token", "hours"), "IdToken": units.get("id_token", "hours"),
            "RefreshToken": units.get("refresh_token", "days"),
        },
    }
    for argument, parameter in (("access_token_validity", "AccessTokenValidity"), ("id_token_validity", "IdTokenValidity"),
                                ("refresh_token_validity", "RefreshTokenValidity")):
        if given.get(argument):
            settings[parameter] = int(given[argument])
    if before.get("id") and before.get("user_pool_id") == given["user_pool_id"]:
        try:
            client.update_user_pool_client(ClientId=before["id"], **settings)
            return dict(before)
        except Exception as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
    made = client.create_user_pool_client(GenerateSecret=bool(given.get("generate_secret")), **settings)["UserPoolClient"]
    return {"id": made["ClientId"], "user_pool_id": given["user_pool_id"], "client_secret": made.get("ClientSecret", "")}
