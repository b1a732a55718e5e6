"""`POST /save-raw-sensor-data`: store a batch of samples."""

from __future__ import annotations

import os
from typing import Any

from shared import batches, raw, timestamps
from shared.clients import setting
from shared.errors import RequestError
from shared.fields import required, session_id, whole

from . import samples_csv
from .http import Request, route

# One item a sample: 5,000 take 200 calls of 25 items, about two seconds.
DEFAULT_MAX_ITEMS = 5_000
MAX_ROWS = 200_000
MAX_CHUNK = 500
# The integration of an HTTP API ends after 30 s and the function after 25 s: what is not stored by now is
# not.
WRITE_SECONDS = 20.0


@route
def save(request: Request) -> dict[str, Any]:
    """Store `csv_data` as samples of `session_id`.

    The session belongs to the user who first wrote to it. The batch is checked whole before anything is
    stored, and its keys come from its content: the same batch twice is stored once. With `chunk_samples` N (1
    to 500) N samples share an item, which makes a long recording some hundred times cheaper.
    """
    session = session_id(request.fields)
    chunk = whole(request.fields, "chunk_samples", low=1, high=MAX_CHUNK, default=1)
    text = required(request.fields, "csv_data")
    if not isinstance(text, str):
        raise RequestError(400, "invalid_field", "This field must be a string of CSV.", field="csv_data")
    max_items = int(os.environ.get("MAX_ITEMS_PER_REQUEST", str(DEFAULT_MAX_ITEMS)))
    samples = samples_csv.parse(text, max_rows=min(MAX_ROWS, max_items * chunk))
    table = setting("DYNAMODB_TABLE")
    raw.claim(table, session, request.user_email)
    if chunk > 1:
        items = raw.chunk_items(samples, session, request.user_email, chunk)
    else:
        items = raw.row_items(samples, session, request.user_email)
    count = batches.put_items(table, items, seconds=WRITE_SECONDS)
    return {
        "session_id": session,
        "rows": len(samples),
        "items": count,
        "first_timestamp": timestamps.format_key(samples.times[0]),
        "last_timestamp": timestamps.format_key(samples.times[-1]),
    }
