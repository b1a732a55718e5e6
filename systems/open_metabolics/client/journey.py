"""A new user's whole way through the system: from sign-up to the curve of the energy spent."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .client import OpenMetabolicsClient
from .configuration import Configuration
from .sparkline import sparkline

Event = Callable[[str, dict[str, Any]], None]


def run_journey(
    configuration: str | Path | Mapping[str, Any] | Configuration,
    samples: Iterable[Sequence[float]],
    profile: Mapping[str, Any],
    read_code: Callable[[str], str],
    on_event: Event | None = None,
    *,
    email: str | None = None,
    session_id: str | None = None,
    batch_samples: int = 5_000,
    wait_seconds: float = 600.0,
    width: int = 60,
) -> dict[str, Any]:
    """Sign up, confirm, sign in, save a profile, upload, process, wait, fetch the results.

    Args:
        configuration: of the client, as a file, a mapping or read already.
        samples: rows of time (s), gyroscope x, y, z (rad/s), accelerometer x, y, z (g).
        profile: `age` (years), `weight` (kg), `height` (cm), and `sex` if known.
        read_code: waits for the mail to an address and returns the code in it.
        on_event: called at each step with its name and facts: `signed_up`, `confirmed`, `signed_in`,
            `profile_saved`, `uploaded` (`samples`; after each batch), `queued` (`job_id`), `progress`
            (`status`, `progress`), `completed` (the summary).
        email: of the new account; a fresh one at example.com when it is None.
        session_id: a fresh one when it is None.
        width: characters of the sparkline.

    Returns:
        `email`, `password`, `session_id`, `samples`, `kilocalories`, `active_minutes`, `mean_watts`,
        `peak_watts`, `duration_seconds`, `windows` (their number), `watts` (one value a window), `sparkline`,
        `seconds` (of the whole journey) and `upload_seconds`, `process_seconds`.

    Raises:
        ServiceError: a call was refused. JobFailed: the estimate failed. ConfigurationError: bad
        configuration.
    """
    tell: Event = on_event or (lambda _name, _facts: None)
    started = time.monotonic()
    client = OpenMetabolicsClient.from_configuration(configuration)
    email = email or f"walker-{uuid.uuid4().hex[:12]}@example.com"
    session_id = session_id or f"walk-{uuid.uuid4()}"
    # Upper, lower, digit and symbol, whatever the random part holds.
    password = f"Wk1!{secrets.token_urlsafe(18)}"
    try:
        client.sign_up(email, password, "Test", "Walker")
        tell("signed_up", {"email": email})
        client.confirm(email, read_code(email))
        tell("confirmed", {"email": email})
        client.sign_in(email, password)
        tell("signed_in", {"email": email})
        client.save_profile(**dict(profile))
        tell("profile_saved", {})
        upload_started = time.monotonic()
        count = client.upload(
            session_id,
            samples,
            batch_samples=batch_samples,
            on_progress=lambda stored: tell("uploaded", {"samples": stored}),
        )
        process_started = time.monotonic()
        job = client.process(session_id)
        tell("queued", {"job_id": job["job_id"], "session_id": session_id})
        client.wait(
            session_id,
            seconds=wait_seconds,
            poll_seconds=0.25,
            on_progress=lambda status: tell(
                "progress", {name: status[name] for name in ("status", "progress")}
            ),
        )
        process_ended = time.monotonic()
        details = client.details(session_id)
    finally:
        client.close()
    totals = details["summary"]
    watts = [window["watts"] for window in details["windows"]]
    summary = {
        "email": email,
        "password": password,
        "session_id": session_id,
        "samples": count,
        **{
            name: totals[name]
            for name in ("kilocalories", "active_minutes", "mean_watts", "peak_watts", "duration_seconds")
        },
        "windows": len(watts),
        "watts": watts,
        "sparkline": sparkline(watts, width),
        "upload_seconds": process_started - upload_started,
        "process_seconds": process_ended - process_started,
        "seconds": time.monotonic() - started,
    }
    tell("completed", {name: value for name, value in summary.items() if name not in ("password", "watts")})
    return summary
