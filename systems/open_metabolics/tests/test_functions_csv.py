"""The CSV of a batch: what is taken, what is refused and how."""

from __future__ import annotations

import math
from array import array

import pytest
from functions import samples_csv
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import raw, timestamps
from shared.errors import RequestError

HEADER = "Timestamp,Accelerometer_X"


def parse(text: str, max_rows: int = 1000) -> raw.Samples:
    return samples_csv.parse(text, max_rows=max_rows)


def refusal(text: str, max_rows: int = 1000) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse(text, max_rows)
    assert caught.value.field == "csv_data"
    return caught.value


@st.composite
def batches(draw: st.DrawFn) -> raw.Samples:
    columns = tuple(draw(st.lists(st.sampled_from(raw.COLUMNS), min_size=1, unique=True)))
    times = sorted(draw(st.sets(st.integers(0, timestamps.LIMIT - 1), min_size=1, max_size=30)))
    values = [draw(st.lists(st.floats(-100, 100), min_size=len(times), max_size=len(times))) for _ in columns]
    return raw.Samples(columns, array("q", times), tuple(array("d", column) for column in values))


@settings(deadline=None)
@given(batches())
def test_what_is_written_is_read_back_as_the_same_samples(samples: raw.Samples) -> None:
    assert parse(samples_csv.format_samples(samples)) == samples


@settings(deadline=None)
@given(st.text() | st.text(alphabet="Timestamp,AccelerometerGyroscope_XYZ0123456789.-+eE\n\r\"' ïNa"))
def test_any_text_at_all_is_taken_or_refused_with_a_reason(text: str) -> None:
    for candidate in (text, f"{HEADER}\n{text}", f"{HEADER}\n1.0,{text}\n"):
        try:
            parse(candidate)
        except RequestError as error:
            assert 400 <= error.status < 500
            assert error.field == "csv_data"


@settings(deadline=None)
@given(batches(), st.integers(1, 12))
def test_rows_and_chunks_hold_the_samples_they_were_made_from(samples: raw.Samples, size: int) -> None:
    rows = [raw.decode(item) for item in raw.row_items(samples, "s", "a@b.c")]
    assert [row.times[0] for row in rows] == list(samples.times)
    for row, index in zip(rows, range(len(samples)), strict=True):
        by_name = {name: column[0] for name, column in zip(row.columns, row.values, strict=True)}
        expected = {name: column[index] for name, column in zip(samples.columns, samples.values, strict=True)}
        assert all(math.isclose(by_name[name], value, abs_tol=1e-100) for name, value in expected.items())
    chunks = [raw.decode(item) for item in raw.chunk_items(samples, "s", "a@b.c", size)]
    assert [moment for chunk in chunks for moment in chunk.times] == list(samples.times)
    for position, column in enumerate(samples.values):
        assert [value for chunk in chunks for value in chunk.values[position]] == list(array("f", column))


@settings(deadline=None)
@given(st.lists(st.integers(0, timestamps.LIMIT - 1), min_size=2))
@pytest.mark.requirement("OM-B01", "OM-C10")
def test_string_order_of_the_sort_key_is_time_order(times: list[int]) -> None:
    keys = [timestamps.format_key(moment) for moment in times]
    assert sorted(keys) == [timestamps.format_key(moment) for moment in sorted(times)]
    assert [timestamps.parse_key(key) for key in keys] == times


@pytest.mark.requirement("OM-B01")
def test_the_sample_of_the_document_is_taken() -> None:
    samples = parse("Timestamp,Accelerometer_X\n1.0,0.1\n")
    assert samples.columns == ("Accelerometer_X",)
    assert list(samples.times) == [1_000_000]
    assert list(samples.values[0]) == [0.1]


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("0", 0),
        ("1.0", 1_000_000),
        (" 9.5 ", 9_500_000),
        ("1e3", 1_000_000_000),
        ("1700000000.123456", 1_700_000_000_123_456),
        ("9999999999.999999", 9_999_999_999_999_999),
        ("2024-01-01T00:00:00Z", 1_704_067_200_000_000),
        ("2024-01-01T02:00:00.5+02:00", 1_704_067_200_500_000),
    ],
)
def test_a_time_is_seconds_or_iso_8601(text: str, microseconds: int) -> None:
    assert timestamps.parse(text) == microseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "inf",
        "-1",
        "1_0",
        "0x10",
        "1700000000000",
        "1e400",
        "1e-",
        "2024-01-01T00:00:00",
        "٣",
        "1.0.0",
    ],
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has)"):
        timestamps.parse(text)


@pytest.mark.parametrize(
    ("text", "row", "says"),
    [
        ("", None, "first line must be a header"),
        ("1.0,0.1\n", None, "first line must be a header"),
        ("Accelerometer_X,Timestamp\n0.1,1.0\n", None, "first column is Timestamp"),
        ("Timestamp\n1.0\n", None, "no sensor column"),
        ("Timestamp,Magnetometer_X\n1,2\n", None, "Column 2 of the header is unknown"),
        ("Timestamp,Accelerometer_X,Accelerometer_X\n1,2,3\n", None, "twice"),
        (f"{HEADER}\n", None, "no row"),
        (f"{HEADER}\n1.0,0.1\n2.0,nan\n", 2, "not a finite number"),
        (f"{HEADER}\n1.0,inf\n", 1, "not a finite number"),
        (f"{HEADER}\n1.0,\n", 1, "not a finite number"),
        (f"{HEADER}\n1.0,1_0\n", 1, "not a finite number"),
        (f"{HEADER}\nNaN,0.1\n", 1, "Timestamp is neither"),
        (f"{HEADER}\n2.0,0.1\n1.0,0.1\n", 2, "before"),
        (f"{HEADER}\n1.0,0.1\n1.0,0.2\n", 2, "the same"),
        (f"{HEADER}\n1.0000001,0.1\n1.0000002,0.2\n", 2, "the same"),
        (f"{HEADER}\n1.0,0.1,0.2\n", 1, "3 values"),
        (f"{HEADER}\n1.0\n", 1, "1 values"),
        (f"{HEADER}\n1.0,1e300\n", 1, "unit"),
        (f'{HEADER}\n1.0,"0.1\n', None, "not valid CSV"),
    ],
)
def test_a_batch_that_is_wrong_is_refused_with_its_row(text: str, row: int | None, says: str) -> None:
    error = refusal(text)
    assert error.status == 400
    assert error.row == row
    assert says in error.message


def test_too_many_rows_are_refused_with_advice() -> None:
    error = refusal(f"{HEADER}\n1,1\n2,2\n3,3\n", max_rows=2)
    assert (error.status, error.row) == (413, 3)
    assert "smaller batches" in error.message


def test_a_spreadsheets_byte_order_mark_and_line_ends_are_no_fault() -> None:
    assert len(parse("\ufeffTimestamp,Accelerometer_X\r\n1,1\r\n2,2\r\n\r\n")) == 2
