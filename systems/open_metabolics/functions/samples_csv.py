"""The CSV of a batch of samples: a header, then one row a sample.

    Timestamp,Accelerometer_X
    1.0,0.1

The first column is `Timestamp` (seconds, or ISO-8601 with an offset), then any of `Accelerometer_X/Y/Z` (g)
and `Gyroscope_X/Y/Z` (rad/s), at least one. Times rise strictly. A batch is taken whole or refused whole.
"""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections.abc import Iterator

from shared import timestamps
from shared.errors import RequestError, invalid
from shared.raw import COLUMNS, Samples

FIELD = "csv_data"
TIME_COLUMN = "Timestamp"
# Far above what a phone's sensors can measure (16 g; 2000 degrees/s = 35 rad/s): a value beyond it is another
# unit.
LIMITS = {column: 100.0 if column.startswith("Accelerometer") else 200.0 for column in COLUMNS}
UNITS = {column: "g" if column.startswith("Accelerometer") else "rad/s" for column in COLUMNS}


def parse(text: str, *, max_rows: int) -> Samples:
    """The samples of a batch.

    Args:
        max_rows: a batch with more rows is refused with 413.

    Raises:
        RequestError: for everything that is wrong with the text, with the row where there is one.

    Example:
        >>> parse("Timestamp,Accelerometer_X\\n1.0,0.5\\n", max_rows=10)
        Samples(columns=('Accelerometer_X',), times=array('q', [1000000]), values=(array('d', [0.5]),))
    """
    # A file saved by a spreadsheet begins with a byte order mark.
    rows = _rows(text.removeprefix("\ufeff"))
    columns = _header(next(rows, []))
    limits = [LIMITS[column] for column in columns]
    times = array("q")
    values = tuple(array("d") for _ in columns)
    previous = -1
    for number, row in enumerate(rows, start=1):
        if number > max_rows:
            message = f"A batch may have at most {max_rows} rows. Send smaller batches, or set chunk_samples."
            raise RequestError(413, "too_many_rows", message, field=FIELD, row=number)
        if len(row) != len(columns) + 1:
            raise invalid(FIELD, f"The row has {len(row)} values, the header {len(columns) + 1}.", row=number)
        try:
            moment = timestamps.parse(row[0])
        except ValueError as error:
            raise invalid(FIELD, f"The Timestamp {error}.", row=number) from None
        if moment <= previous:
            problem = "is the same as" if moment == previous else "is before"
            message = f"The Timestamp {problem} that of the row before: times must rise (to the microsecond)."
            raise invalid(FIELD, message, row=number)
        previous = moment
        times.append(moment)
        for index, cell in enumerate(row[1:]):
            value = _number(cell)
            if value is None:
                raise invalid(FIELD, f"{columns[index]} is not a finite number.", row=number)
            if not -limits[index] <= value <= limits[index]:
                unit, limit = UNITS[columns[index]], limits[index]
                raise invalid(
                    FIELD, f"{columns[index]} is beyond {limit:g} {unit}: is the unit right?", row=number
                )
            values[index].append(value)
    if not times:
        raise invalid(FIELD, "There is no row after the header.")
    return Samples(columns, times, values)


def format_samples(samples: Samples) -> str:
    """The CSV that `parse` reads back as the same samples."""
    lines = [",".join((TIME_COLUMN, *samples.columns))]
    for index, moment in enumerate(samples.times):
        cells = (repr(column[index]) for column in samples.values)
        lines.append(",".join((timestamps.format_key(moment), *cells)))
    return "\n".join(lines) + "\n"


def _rows(text: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        # An empty line is not a row: many programs end a file with one.
        yield from (row for row in reader if row)
    except csv.Error:
        raise invalid(FIELD, f"Line {reader.line_num} is not valid CSV.") from None


def _header(names: list[str]) -> tuple[str, ...]:
    names = [name.strip() for name in names]
    if not names or names[0] != TIME_COLUMN:
        raise invalid(FIELD, f"The first line must be a header whose first column is {TIME_COLUMN}.")
    columns = tuple(names[1:])
    known = ", ".join(COLUMNS)
    if any(name not in COLUMNS for name in columns):
        position = next(index for index, name in enumerate(columns, start=2) if name not in COLUMNS)
        raise invalid(FIELD, f"Column {position} of the header is unknown. Known columns: {known}.")
    if len(set(columns)) != len(columns):
        raise invalid(FIELD, "A column stands twice in the header.")
    if not columns:
        raise invalid(FIELD, f"The header has no sensor column. Known columns: {known}.")
    return columns


def _number(cell: str) -> float | None:
    # float() also takes "1_0" and digits of other scripts.
    if "_" in cell or not cell.isascii():
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
