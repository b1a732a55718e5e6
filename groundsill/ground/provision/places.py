"""Where a system stands, and stand-ins for ids that AWS would give."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ID_LENGTH = 17  # Amazon EC2 user guide: resource ids have 17 hexadecimal digits

Arguments = Mapping[str, Any]
Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system stands: what ARNs are made of.

    Arguments:
        region: for example ``us-east-1``.
        account_id: 12 digits.
    """

    region: str
    account_id: str

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """An ARN of this account."""
        return f"arn:aws:{service}:{self.region if regional else ''}:{self.account_id}:{resource}"


def stand_in_id(prefix: str, address: str, length: int = ID_LENGTH) -> str:
    """An id in AWS's form that is always the same for one address.

    Example:
        >>> stand_in_id("vpc-", "aws_vpc.main", 8)
        'vpc-ec67d780'
    """
    return prefix + hashlib.sha256(address.encode()).hexdigest()[:length]
