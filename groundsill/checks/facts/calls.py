"""Which IAM action a call of boto3 takes, where its name does not say so, and which calls take none."""

from __future__ import annotations

from types import MappingProxyType

PREFIXES: MappingProxyType[str, str] = MappingProxyType(
    {
        "apigatewaymanagementapi": "execute-api",
        "bedrock-runtime": "bedrock",
        "cloudwatch": "cloudwatch",
        "cognito-idp": "cognito-idp",
        "dynamodb.Table": "dynamodb",
        "events": "events",
        "lambda": "lambda",
        "sesv2": "ses",
        "stepfunctions": "states",
        "pinpoint-sms-voice-v2": "sms-voice",
    }
)
"""IAM prefix by boto3 service. Source: Service Authorization Reference, one page a service."""

ACTIONS: MappingProxyType[tuple[str, str], str] = MappingProxyType(
    {
        ("apigatewaymanagementapi", "delete_connection"): "execute-api:ManageConnections",
        ("apigatewaymanagementapi", "get_connection"): "execute-api:ManageConnections",
        ("apigatewaymanagementapi", "post_to_connection"): "execute-api:ManageConnections",
        ("bedrock-runtime", "converse"): "bedrock:InvokeModel",
        ("bedrock-runtime", "converse_stream"): "bedrock:InvokeModelWithResponseStream",
        ("dynamodb.Table", "batch_writer"): "dynamodb:BatchWriteItem",
        ("lambda", "invoke"): "lambda:InvokeFunction",
        ("s3", "copy_object"): "s3:PutObject",
        ("s3", "delete_objects"): "s3:DeleteObject",
        ("s3", "download_file"): "s3:GetObject",
        ("s3", "download_fileobj"): "s3:GetObject",
        ("s3", "head_bucket"): "s3:ListBucket",
        ("s3", "head_object"): "s3:GetObject",
        ("s3", "list_objects"): "s3:ListBucket",
        ("s3", "list_objects_v2"): "s3:ListBucket",
        ("s3", "upload_file"): "s3:PutObject",
        ("s3", "upload_fileobj"): "s3:PutObject",
        ("s3", "create_multipart_upload"): "s3:PutObject",
        ("sns", "publish_batch"): "sns:Publish",
        ("sqs", "change_message_visibility_batch"): "sqs:ChangeMessageVisibility",
        ("sqs", "delete_message_batch"): "sqs:DeleteMessage",
        ("sqs", "send_message_batch"): "sqs:SendMessage",
    }
)
"""Source: Service Authorization Reference."""

WITHOUT_RIGHTS = frozenset(
    {
        "can_paginate",
        "close",
        "exceptions",
        "generate_presigned_post",
        "generate_presigned_url",
        "get_paginator",
        "get_waiter",
        "meta",
        "Table",
        "get_caller_identity",
        "transact_write_items",
        "transact_get_items",
        "execute_statement",
        "get_available_subresources",
        "initiate_auth",
        "sign_up",
        "confirm_sign_up",
        "forgot_password",
        "confirm_forgot_password",
        "respond_to_auth_challenge",
        "resend_confirmation_code",
        "global_sign_out",
        "get_user",
        "change_password",
        "update_user_attributes",
    }
)
"""Calls that need no right of the role, or whose rights follow from their arguments."""


def action_of(service: str, method: str) -> str | None:
    """The IAM action of a call; None where it takes none, or where it is not known.

    Example:
        >>> action_of("sqs", "send_message"), action_of("s3", "head_object"), action_of("s3", "generate_presigned_url")
        ('sqs:SendMessage', 's3:GetObject', None)
    """
    if method in WITHOUT_RIGHTS or not method.islower():
        return None
    known = ACTIONS.get((service, method))
    if known is not None:
        return known
    words = "".join(word.capitalize() for word in method.split("_"))
    return f"{PREFIXES.get(service, service)}:{words}"
