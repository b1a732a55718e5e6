"""What Fargate runs, and what a task is made of."""

from __future__ import annotations

from types import MappingProxyType

FARGATE_SIZES: MappingProxyType[int, tuple[int, ...]] = MappingProxyType(
    {
        256: (512, 1_024, 2_048),
        512: tuple(range(1_024, 4_097, 1_024)),
        1_024: tuple(range(2_048, 8_193, 1_024)),
        2_048: tuple(range(4_096, 16_385, 1_024)),
        4_096: tuple(range(8_192, 30_721, 1_024)),
        8_192: tuple(range(16_384, 61_441, 4_096)),
        16_384: tuple(range(32_768, 122_881, 8_192)),
    }
)
"""MB of memory by CPU units. Source: Amazon ECS Developer Guide, "Fargate task definition differences", task CPU and memory."""

PULL_ACTIONS = ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""Source: Amazon ECS Developer Guide, "Amazon ECS task execution IAM role"."""

EXEC_ACTIONS = (
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
"""Source: Amazon ECS Developer Guide, "Monitor Amazon ECS containers with ECS Exec"."""

PULL_SERVICES = ("ecr.api", "ecr.dkr", "s3")
"""Endpoints that a pull needs. Source: Amazon ECR User Guide, "Amazon ECR interface VPC endpoints (AWS PrivateLink)"."""
