"""Mends of the emulator, one module a service, each saying what AWS does and what the emulator did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from groundsill.ground.aws_api.durability import Durability
from groundsill.ground.aws_api.emulator import Emulator


def install(emulator: Emulator, durability: Durability, loop: asyncio.AbstractEventLoop) -> None:
    """Mend each service when it is first loaded, and load those that every system uses."""
    from groundsill.ground.aws_api import records
    from groundsill.ground.aws_api.patches import (
        autoscaling,
        cloudtrail,
        cloudwatch,
        cognito,
        denials,
        dynamodb,
        dynamodb_recovery,
        dynamodb_replicas,
        ec2,
        ecs,
        elasticache,
        functions,
        iam,
        machines,
        permissions,
        rds,
        rest_apis,
        route53,
        s3,
        ses,
        sns,
        sqs,
        tagging,
        vpc,
        vpc_links,
    )

    denials.apply(emulator)
    permissions.apply(emulator)
    dynamodb.add_leading_keys(emulator)
    s3.apply_to_anonymous(emulator)

    def mend_dynamodb(module: Any) -> None:
        dynamodb.apply(module, durability)
        dynamodb_recovery.apply(module)
        dynamodb_replicas.apply(module)

    def mend_ec2(module: Any) -> None:
        ec2.apply(module)
        vpc.apply(module)
        machines.apply(module)

    mends: dict[str, Callable[[Any], None]] = {
        **records.parts(emulator),
        "apigateway": lambda module: vpc_links.apply(module, emulator),
        "apigateway_v1": rest_apis.apply,
        "autoscaling": lambda module: autoscaling.apply(module, emulator),
        "cloudtrail": cloudtrail.apply,
        "cloudwatch": cloudwatch.apply,
        "cognito": cognito.apply,
        "ec2": mend_ec2,
        "ecs": ecs.apply,
        "elasticache": elasticache.apply,
        "iam": lambda module: iam.apply(module, emulator),
        "lambda_svc": functions.apply,
        "rds": rds.apply,
        "route53": route53.apply,
        "ses_v2": ses.apply,
        "sns": lambda module: sns.apply(module, emulator),
        "dynamodb": mend_dynamodb,
        "sqs": lambda module: sqs.apply(module, loop),
        "tagging": lambda module: tagging.apply(module, emulator),
    }
    records.add_services(emulator)
    load = emulator.app._get_module

    def load_and_mend(name: str) -> Any:
        module = load(name)
        mend = mends.pop(name, None)
        if mend is not None:
            mend(module)
        return module

    emulator.app._get_module = load_and_mend
    for name in ("iam", "sts", "ses", "dynamodb", "sqs"):
        emulator.service(name)
