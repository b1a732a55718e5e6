"""A question about a graph, answered before apply: yes, no, or not to be known; with the reasons."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple


class Answer(enum.StrEnum):
    """Yes and no are certain; whatever depends on a value that only AWS decides is unknown."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Judgement(NamedTuple):
    """An answer with its reasons, step by step.

    Arguments:
        answer: yes, no or unknown.
        reasons: what it follows from, in the order in which it was looked at.

    Example:
        >>> Judgement.no("no route").and_then(Judgement.yes("port 443 is open")).answer
        <Answer.NO: 'no'>
    """

    answer: Answer
    reasons: tuple[str, ...] = ()

    @classmethod
    def yes(cls, *reasons: str) -> Judgement:
        """It is so."""
        return cls(Answer.YES, reasons)

    @classmethod
    def no(cls, *reasons: str) -> Judgement:
        """It is not so."""
        return cls(Answer.NO, reasons)

    @classmethod
    def unknown(cls, *reasons: str) -> Judgement:
        """Nobody can say before apply."""
        return cls(Answer.UNKNOWN, reasons)

    @property
    def is_yes(self) -> bool:
        """Certainly so."""
        return self.answer is Answer.YES

    @property
    def is_no(self) -> bool:
        """Certainly not so."""
        return self.answer is Answer.NO

    @property
    def is_unknown(self) -> bool:
        """Not to be known."""
        return self.answer is Answer.UNKNOWN

    def and_then(self, other: Judgement) -> Judgement:
        """Both must be so: a no decides, then an unknown."""
        return every((self, other))

    def or_else(self, other: Judgement) -> Judgement:
        """One of them is enough: a yes decides, then an unknown."""
        return some((self, other))


def every(judgements: Iterable[Judgement]) -> Judgement:
    """All must be so. The reasons are of those that decide; yes without any."""
    found = list(judgements)
    for answer in (Answer.NO, Answer.UNKNOWN):
        deciding = [item for item in found if item.answer is answer]
        if deciding:
            return Judgement(answer, _reasons(deciding))
    return Judgement(Answer.YES, _reasons(found))


def some(judgements: Iterable[Judgement]) -> Judgement:
    """One of them is enough. The reasons are of those that decide; no without any."""
    found = list(judgements)
    for answer in (Answer.YES, Answer.UNKNOWN):
        deciding = [item for item in found if item.answer is answer]
        if deciding:
            return Judgement(answer, _reasons(deciding))
    return Judgement(Answer.NO, _reasons(found))


def _reasons(judgements: Iterable[Judgement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason for item in judgements for reason in item.reasons))
