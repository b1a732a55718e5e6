"""Types of settings that say what fits: for fields of a system's settings class."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

EmailAddress = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$", max_length=254)]
"""An e-mail address, for example ``no-reply@shop.example``. Source of the length: RFC 5321, 4.5.3.1.3."""

Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", max_length=32)]
"""The name of an AWS region, for example ``us-east-1``."""

DomainName = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", max_length=253)]
"""A host name without scheme or path, for example ``api.shop.example``. Source of the lengths: RFC 1035, 2.3.4."""
