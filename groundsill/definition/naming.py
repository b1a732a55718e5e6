"""Names: Terraform names, physical AWS names within AWS's own limits, identifiers for policies and variables."""

from __future__ import annotations

import hashlib
import re

from groundsill.graph.name_rules import NAME_RULES, NameRule

_DIGEST_LENGTH = 6


def terraform_name(*parts: str) -> str:
    """A Terraform name from component names.

    Example:
        >>> terraform_name("energy-jobs", "dead letters")
        'energy_jobs_dead_letters'
    """
    text = re.sub(r"[^A-Za-z0-9]+", "_", "_".join(part for part in parts if part)).strip("_")
    return text if text and not text[0].isdigit() else f"_{text}"


def identifier(*parts: str) -> str:
    """Words joined as one CamelCase word: the form of a policy statement's ``Sid``.

    Example:
        >>> identifier("energy-jobs", "consume")
        'EnergyJobsConsume'
    """
    return "".join(word[:1].upper() + word[1:] for part in parts for word in re.split(r"[^A-Za-z0-9]+", part))


def environment_name(*parts: str) -> str:
    """An environment variable's name.

    Example:
        >>> environment_name("energy-jobs", "queue-url")
        'ENERGY_JOBS_QUEUE_URL'
    """
    return terraform_name(*parts).upper().strip("_")


def shorten(name: str, longest: int) -> str:
    """The name within a limit: a longer one is cut and ends in a digest of the whole, so that it stays unique.

    Example:
        >>> shorten("a-very-long-name-indeed", 16)
        'a-very-lo-5aae9f'
    """
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{name[: longest - _DIGEST_LENGTH - 1].rstrip('-_.')}-{digest}"


def physical_name(type: str, name: str, suffix: str = "") -> str:
    """The name that AWS sees, inside AWS's limits for that type.

    Arguments:
        type: Terraform type, for example ``aws_lb``.
        name: the wanted name.
        suffix: what tells stages apart, for example ``-prod``; kept whole when the name has to be cut.
    """
    rule = NAME_RULES.get(type, NameRule(255, r"[^ -~]", "no rule of its own"))
    clean = re.sub(rule.forbidden, "-", name.lower() if rule.lower else name)
    if rule.tidy:
        clean = re.sub(r"[-._]*-[-._]*", "-", clean).strip("-._")
    return shorten(clean, rule.longest - len(suffix)) + suffix
