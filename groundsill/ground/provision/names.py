"""The names that Terraform gives to resources whose definition leaves the name to it.

Source: Terraform AWS provider, `internal/create/naming.go`: the ``name_prefix``, else ``terraform-``, and then what is unique;
of a FIFO queue or topic ``.fifo`` at the end.
"""

from __future__ import annotations

from groundsill.aws.schema import type_schema
from groundsill.ground.provision.places import Arguments, stand_in_id

_PREFIX = "terraform-"
_UNIQUE_LENGTH = 26
# What the provider writes in its place, because ELB takes 32 characters at most.
_SHORT = {"aws_alb": "tf-lb-", "aws_alb_target_group": "tf-", "aws_lb": "tf-lb-", "aws_lb_target_group": "tf-"}
_SHORT_LENGTH = 32
_FIFO = "fifo_queue", "fifo_topic"


def name_given(type: str, address: str, arguments: Arguments) -> str | None:
    """The name that a resource gets here, the same at every start; None where it has one or needs none.

    Arguments:
        type: Terraform type.
        address: Terraform address.
        arguments: what the definition says, without references.

    Example:
        >>> name_given("aws_sqs_queue", "aws_sqs_queue.jobs", {"name_prefix": "jobs-"})
        'jobs-cd59efe71ab23c03ddcd4819a3'
    """
    if arguments.get("name"):
        return None
    schema = type_schema(type)
    name = schema.attributes.get("name") if schema else None
    if schema is None or name is None or not (name.optional and name.computed) or "name_prefix" not in schema.attributes:
        return None
    unique = stand_in_id(arguments.get("name_prefix") or _SHORT.get(type, _PREFIX), address, _UNIQUE_LENGTH)
    if any(arguments.get(word) for word in _FIFO):
        return f"{unique}.fifo"
    return unique[:_SHORT_LENGTH] if type in _SHORT else unique
