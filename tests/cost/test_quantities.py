"""Quantities are written as people say them, and whatever else is written is refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.cost.amount import Amount
from groundsill.cost.quantities import Dimension, amount_text, count_text, read_quantity
from groundsill.cost.recurrence import times_a_month

MONTH_DAYS = 730 / 24


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("1M/day", Dimension.RATE, 1e6 * MONTH_DAYS),
        ("1,000/hour", Dimension.RATE, 730_000),
        ("2/s", Dimension.RATE, 2 * 730 * 3600),
        ("30k per month", Dimension.RATE, 30_000),
        ("52/week", Dimension.RATE, 52 * MONTH_DAYS / 7),
        (0, Dimension.RATE, 0),
        ("20 KB", Dimension.SIZE, 20 * 1024),
        ("1.5MB", Dimension.SIZE, 1.5 * 1024**2),
        ("30 GB/month", Dimension.GROWTH, 30 * 1024**3),
        ("1 TiB", Dimension.STORED, 1024**4),
        ("200 ms", Dimension.TIME, 0.2),
        ("15 min", Dimension.TIME, 900),
        ("70%", Dimension.SHARE, 0.7),
        (0.25, Dimension.SHARE, 0.25),
        ("12 h/day", Dimension.HOURS, 365),
        ("730 h/month", Dimension.HOURS, 730),
        ("10k", Dimension.COUNT, 10_000),
    ],
)
def test_a_quantity_is_what_it_says(text: object, dimension: Dimension, expected: float) -> None:
    assert read_quantity(text, dimension) == Amount(*[pytest.approx(expected)] * 3)


@pytest.mark.parametrize(
    ("text", "dimension", "reason"),
    [
        ("1M", Dimension.RATE, "a number in a time"),
        ("1M/fortnight", Dimension.RATE, "`fortnight` is no time"),
        ("20 KB/day", Dimension.SIZE, "a size"),
        ("20 kilos", Dimension.SIZE, "a size"),
        ("-1", Dimension.COUNT, "a number"),
        (-1, Dimension.COUNT, "a number"),
        (True, Dimension.COUNT, "a number"),
        (None, Dimension.COUNT, "a number"),
        ([1], Dimension.COUNT, "a number"),
        ("150%", Dimension.SHARE, "more than all"),
        ("25 h/day", Dimension.HOURS, "more than a month"),
        ("3..2..1", Dimension.COUNT, "does not rise"),
        ("1..2", Dimension.COUNT, "2 estimates"),
        ("", Dimension.COUNT, "a number"),
        (float("nan"), Dimension.COUNT, "a number"),
        (float("inf"), Dimension.COUNT, "a number"),
        ("9e99/day", Dimension.RATE, "too large"),
        (10**400, Dimension.COUNT, "too large"),
    ],
)
def test_what_is_no_quantity_is_refused_with_what_it_should_be(text: object, dimension: Dimension, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_quantity(text, dimension)


def test_a_quantity_that_is_not_known_exactly_has_three_estimates() -> None:
    assert read_quantity("10 ms..20 ms..1 s", Dimension.TIME) == Amount(0.01, 0.02, 1)


@given(
    st.one_of(st.text(max_size=40), st.floats(), st.integers(), st.booleans(), st.none(), st.lists(st.integers())),
    st.sampled_from(list(Dimension)),
)
def test_whatever_is_written_is_read_or_refused(value: object, dimension: Dimension) -> None:
    try:
        found = read_quantity(value, dimension)
    except ValueError:
        return
    assert 0 <= found.low <= found.expected <= found.high < float("inf")


@given(st.floats(0, 1e15), st.sampled_from([Dimension.SIZE, Dimension.TIME, Dimension.COUNT]))
def test_what_is_shown_can_be_written_back(value: float, dimension: Dimension) -> None:
    text = amount_text(Amount(value, value, value), dimension)
    if value >= 1e12 or (dimension is Dimension.TIME and value < 1e-6) or value < 1e-3:
        return
    assert read_quantity(text, dimension).expected == pytest.approx(value, rel=0.006, abs=0.6)


def test_numbers_are_shown_short() -> None:
    assert [count_text(value) for value in (999_600, 999_400, 12_345, 0.0004, 3.14159)] == [
        "1M",
        "999k",
        "12.3k",
        "0.0004",
        "3.14",
    ]


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("rate(1 day)", MONTH_DAYS),
        ("rate(5 minutes)", 8760),
        ("cron(0 4 * * ? *)", MONTH_DAYS),
        ("cron(0 8 1 * ? *)", 1),
        ("cron(0 8 ? * MON *)", MONTH_DAYS / 7),
        ("cron(0 8 ? * MON-FRI *)", MONTH_DAYS * 5 / 7),
        ("cron(0 0,12 * * ? *)", 2 * MONTH_DAYS),
        ("cron(0 6 L * ? *)", 1),
        ("cron(0 6 1 1,7 ? *)", 2 / 12),
        ("at(2026-01-01T00:00:00)", 0),
        ("rate(0 days)", None),
        ("every day", None),
        ("cron(0 6 * *)", None),
        ("cron(99 6 * * ? *)", None),
        ("", None),
    ],
)
def test_a_schedule_comes_as_often_as_it_says(expression: str, times: float | None) -> None:
    found = times_a_month(expression)
    assert found is None if times is None else found == pytest.approx(times)


@given(st.text(max_size=60))
def test_no_schedule_is_too_odd_to_be_read(text: str) -> None:
    for expression in (text, f"cron({text})", f"rate({text})"):
        found = times_a_month(expression)
        assert found is None or found >= 0
