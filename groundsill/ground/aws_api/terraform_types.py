"""How the emulator treats the Terraform types that the ground meets, each found by calling it.

``works``: behaves as on AWS as far as tried. ``recorded``: kept and shown, without the effect it has on AWS.
``elsewhere``: the ground runs it itself; what the emulator would do must not be used. The second text is the trap.
"""

from __future__ import annotations

TERRAFORM_TYPES: dict[str, tuple[str, str]] = {
    "aws_dynamodb_table": ("works", ("Tables are ACTIVE at once. Deletion protection holds. Time to live removes items "
                           "about once a minute, not within days. Stream records are not kept over a restart. "
                           "Encryption, backups and table class are recorded; capacity never throttles.")),
    "aws_sqs_queue": ("works", ("CreateQueue with the same name and another attribute value fails as on AWS: set "
                      "attributes on an existing queue instead. Queue addresses carry the port of the caller, so "
                      "never store one; ask by name after a restart on another port.")),
    "aws_sqs_queue_redrive_policy": ("works", "The dead-letter queue must exist first."),
    "aws_sqs_queue_redrive_allow_policy": ("recorded", "denyAll and byQueue are not enforced on new source queues."),
    "aws_sqs_queue_policy": ("works", "Enforced; SNS needs it to deliver, as on AWS (a refusal is only in the log)."),
    "aws_iam_role": ("works", ("Trust policies decide on sts:AssumeRole; the ground's own role_credentials does not "
                     "ask them. A function's role must exist before the function.")),
    "aws_iam_role_policy": ("works", "Enforced from the next call."),
    "aws_iam_policy": ("works", "Default version counts."),
    "aws_iam_role_policy_attachment": ("works", ("Of AWS's own managed policies the most used are known; "
                                                 "any other is refused as NoSuchEntity.")),
    "aws_cognito_user_pool": ("works", ("The pool id is new at each creation. Triggers would run functions inside the "
                              "emulator. VerifyUserAttribute, advanced security and lock-out after wrong passwords "
                              "are absent; MFA by SMS sends nothing.")),
    "aws_cognito_user_pool_client": ("works", "The client id is new at each creation."),
    "aws_cognito_user_pool_domain": ("works", "Hosted pages answer on the API's own address, without TLS."),
    "aws_sesv2_email_identity": ("works", ("An address or domain is verified at once; the account is out of the "
                                 "sandbox. An unverified sender is refused.")),
    "aws_sesv2_email_identity_policy": ("recorded", "Kept by our own patch; not enforced within the account."),
    "aws_sns_topic": ("works", "Topic policies are enforced."),
    "aws_sns_topic_subscription": ("works", ("sqs delivers (with the queue's policy), email is captured as mail and "
                                   "needs no confirmation, http is posted once without retries.")),
    "aws_cloudwatch_log_group": ("recorded", ("Events are kept in memory and stored within two seconds; retention "
                                 "does not delete. Keep a running system's logs elsewhere.")),
    "aws_cloudwatch_metric_alarm": ("recorded", ("Evaluated on metrics that somebody puts (alarm actions then run), "
                                    "but no service reports metrics by itself, so alarms on AWS/SQS, AWS/Lambda, ... "
                                    "stay INSUFFICIENT_DATA. Terraform sees drift on some attributes.")),
    "aws_ecs_cluster": ("elsewhere", "Recorded."),
    "aws_ecs_task_definition": ("elsewhere", "Recorded."),
    "aws_ecs_service": ("elsewhere", "Says ACTIVE with its desired count running while nothing runs."),
    "aws_ecr_repository": ("elsewhere", "Recorded; holds no images without Docker."),
    "aws_lb": ("elsewhere", "Says active; its address does not resolve."),
    "aws_lb_target_group": ("elsewhere", "Targets say healthy while nothing answers."),
    "aws_lb_listener": ("elsewhere", "Recorded; would forward by Host header."),
    "aws_apigatewayv2_api": ("elsewhere", "Its endpoint names port 4566 of localhost, where nothing listens."),
    "aws_apigatewayv2_route": ("elsewhere", "Recorded; would run the emulator's own functions."),
    "aws_apigatewayv2_integration": ("elsewhere", "Recorded."),
    "aws_apigatewayv2_stage": ("elsewhere", "Recorded."),
    "aws_apigatewayv2_authorizer": ("elsewhere", "Recorded; Terraform sees drift."),
    "aws_lambda_function": ("elsewhere", ("Invoke really runs the code, in a child process with about 50 ms a call and "
                            "without memory limit; the child ends with the API.")),
    "aws_lambda_permission": ("elsewhere", "Recorded."),
    "aws_appautoscaling_target": ("recorded", "Kept (``records/``); nothing is scaled."),
    "aws_appautoscaling_policy": ("recorded", "Kept (``records/``); nothing is scaled."),
    "aws_s3_bucket": ("works", ("Objects are files under objects/. Unfinished multipart uploads, object locks and "
                      "legal holds are not kept over a restart.")),
    "aws_secretsmanager_secret": ("works", ""),
    "aws_vpc": ("recorded", "As are subnets, routes, gateways and security groups: no packet is filtered."),
}
"""Treatment and trap by Terraform type."""
