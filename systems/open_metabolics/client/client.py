"""The client: everything that the phone app asks of the system."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from .cognito import Tokens, UserPool
from .configuration import Configuration
from .transport import Connection, ServiceError

# Time, then the columns of one sample in this order.
COLUMNS = (
    "Gyroscope_X",
    "Gyroscope_Y",
    "Gyroscope_Z",
    "Accelerometer_X",
    "Accelerometer_Y",
    "Accelerometer_Z",
)
BATCH_SAMPLES = 5_000
CHUNK_SAMPLES = 250
POLL_SECONDS = 0.5


class JobFailed(Exception):
    """The estimate of a session failed for good, or did not end in time; the message is the service's
    reason."""


class OpenMetabolicsClient:
    """One signed-in user's access; not for several threads at once.

    Example:
        >>> client = OpenMetabolicsClient.from_configuration("client.json")  # doctest: +SKIP
        >>> client.sign_in("walker@example.com", "Secret-123")  # doctest: +SKIP
        >>> client.upload("walk-1", samples)  # doctest: +SKIP
        >>> client.process("walk-1")  # doctest: +SKIP
        >>> client.wait("walk-1")  # doctest: +SKIP
        >>> client.details("walk-1")["summary"]["kilocalories"]  # doctest: +SKIP
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.users = UserPool(configuration)
        self._api = Connection(configuration.api_endpoint)
        self._energy = Connection(configuration.energy_expenditure_service_url)
        self._tokens: Tokens | None = None

    @classmethod
    def from_configuration(
        cls, source: str | Path | Mapping[str, Any] | Configuration
    ) -> OpenMetabolicsClient:
        """From the exported client configuration: a JSON file or its content.

        Raises:
            ConfigurationError: naming every key at fault.
        """
        return cls(Configuration.load(source))

    # Accounts

    def sign_up(self, email: str, password: str, given_name: str, family_name: str) -> None:
        """Create an account; a code goes to the address."""
        self.users.sign_up(email, password, given_name, family_name)

    def confirm(self, email: str, code: str) -> None:
        """Confirm the address with the mailed code."""
        self.users.confirm(email, code)

    def sign_in(self, email: str, password: str) -> Tokens:
        """Sign in (SRP); later calls carry the ID token and refresh it before it ends."""
        self._tokens = self.users.sign_in(email, password)
        return self._tokens

    def refresh(self) -> Tokens:
        """Get new tokens now."""
        self._tokens = self.users.refresh(self._signed_in())
        return self._tokens

    def sign_out(self) -> None:
        """Forget the tokens here and end the session at the pool."""
        self.users.sign_out(self._signed_in())
        self._tokens = None

    # Recording

    def save_profile(self, **fields: Any) -> dict[str, Any]:
        """Create or change the profile: `age` (years), `weight` (kg), `height` (cm), `sex`, further
        fields."""
        return self._post("manage-user-profile", fields)["profile"]

    def profile(self) -> dict[str, Any]:
        """The stored profile; `ServiceError` 404 without one."""
        return self._post("get-user-profile", {})["profile"]

    def upload(
        self,
        session_id: str,
        samples: Iterable[Sequence[float]],
        *,
        batch_samples: int = BATCH_SAMPLES,
        chunk_samples: int = CHUNK_SAMPLES,
        on_progress: Callable[[int], None] | None = None,
    ) -> int:
        """Store samples and return how many.

        Args:
            session_id: a new id of the caller's own, such as a UUID.
            samples: rows of time (s), gyroscope x, y, z (rad/s), accelerometer x, y, z (g), times rising.
            batch_samples: rows a request; halved when the server says that a batch is too large.
            chunk_samples: samples that share an item of the store, 1 to 500.
            on_progress: called after each batch with the number of samples stored so far.
        """
        stored = 0
        for batch in _batches(samples, batch_samples):
            stored += self._upload_batch(session_id, batch, chunk_samples)
            if on_progress is not None:
                on_progress(stored)
        return stored

    def _upload_batch(self, session_id: str, batch: Sequence[Sequence[float]], chunk_samples: int) -> int:
        lines = [",".join(("Timestamp", *COLUMNS))]
        # Times to the microsecond, as the store keeps them; sensors are 32-bit floats.
        lines += (",".join((f"{row[0]:.6f}", *(f"{value:.9g}" for value in row[1:7]))) for row in batch)
        fields = {"session_id": session_id, "csv_data": "\n".join(lines), "chunk_samples": chunk_samples}
        try:
            return int(self._post("save-raw-sensor-data", fields)["rows"])
        except ServiceError as error:
            if error.status != 413 or len(batch) < 2:
                raise
        middle = len(batch) // 2
        return sum(
            self._upload_batch(session_id, half, chunk_samples) for half in (batch[:middle], batch[middle:])
        )

    # Estimating

    def process(self, session_id: str, *, force: bool = False, by_container: bool = True) -> dict[str, Any]:
        """Ask for the estimate; the same request twice is one job.

        Args:
            force: also when it is completed.
            by_container: ask the container API; else the HTTP API's function, which does the same.
        """
        fields = {"session_id": session_id, "force": force}
        if by_container:
            return self._energy.request("POST", "/process", fields, headers=self._headers())
        return self._post("process-energy-expenditure", fields)

    def status(self, session_id: str) -> dict[str, Any]:
        """Status, progress (0 to 100), times and error of the session's job."""
        return self._energy.request("GET", f"/status/{session_id}", headers=self._headers())

    def wait(
        self,
        session_id: str,
        *,
        seconds: float = 600.0,
        poll_seconds: float = POLL_SECONDS,
        on_progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """Poll until the job is completed and return its last status.

        Args:
            on_progress: called with each status that differs from the one before.

        Raises:
            JobFailed: with the service's reason, or when the time is over.
        """
        deadline = time.monotonic() + seconds
        seen: dict[str, Any] | None = None
        while True:
            status = self.status(session_id)
            if status != seen and on_progress is not None:
                on_progress(status)
            seen = status
            if status["status"] == "completed":
                return status
            if status["status"] == "failed" and not status.get("will_retry"):
                raise JobFailed(status.get("error") or "no reason was noted")
            if time.monotonic() > deadline:
                raise JobFailed(f"not completed after {seconds:g} s; last status {status['status']}")
            time.sleep(poll_seconds)

    # Reading back

    def sessions(self, *, limit: int = 20) -> Iterator[dict[str, Any]]:
        """The processed sessions with their times, newest first; pages are fetched as they are needed."""
        return self._pages("get-past-sessions", limit)

    def summaries(self, *, limit: int = 20) -> Iterator[dict[str, Any]]:
        """The totals of each session, newest first."""
        return self._pages("get-past-sessions-summary", limit)

    def summaries_with_surveys(self, *, limit: int = 20) -> Iterator[dict[str, Any]]:
        """The totals of each session with its survey answers or None, newest first."""
        return self._pages("get-all-session-summaries", limit)

    def details(self, session_id: str) -> dict[str, Any]:
        """The summary and all windows of a session in time order."""
        answer = self._post("get-session-details", {"session_id": session_id})
        windows: list[dict[str, Any]] = list(answer["windows"])
        while answer.get("next"):
            answer = self._post("get-session-details", {"session_id": session_id, "next": answer["next"]})
            windows += answer["windows"]
        return {"session_id": session_id, "summary": answer["summary"], "windows": windows}

    def save_survey(self, session_id: str, answers: Mapping[str, Any]) -> dict[str, Any]:
        """Store the answers to the questions about a session."""
        return self._post("save-survey-response", {"session_id": session_id, "answers": dict(answers)})

    def survey(self, session_id: str) -> dict[str, Any]:
        """The stored answers; `ServiceError` 404 without any."""
        return self._post("get-survey-response", {"session_id": session_id})

    def answered(self, session_ids: Sequence[str]) -> dict[str, bool]:
        """Whether there are answers, by session."""
        return self._post("check-survey-responses", {"session_ids": list(session_ids)})["responses"]

    def health(self) -> dict[str, Any]:
        """What the container API says of itself; where it stands behind the HTTP API only a signed-in user may ask."""
        headers = self._headers() if self._tokens is not None else None
        return self._energy.request("GET", "/health", headers=headers)

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        self._api.close()
        self._energy.close()

    def _pages(self, name: str, limit: int) -> Iterator[dict[str, Any]]:
        fields: dict[str, Any] = {"limit": limit}
        while True:
            answer = self._post(name, fields)
            yield from answer["sessions"]
            if not answer.get("next"):
                return
            fields["next"] = answer["next"]

    def _post(self, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        return self._api.request("POST", f"/{name}", dict(fields), headers=self._headers())

    def _headers(self) -> dict[str, str]:
        tokens = self._signed_in()
        if not tokens.is_fresh and tokens.refresh_token:
            tokens = self.refresh()
        return {"authorization": f"Bearer {tokens.id_token}"}

    def _signed_in(self) -> Tokens:
        if self._tokens is None:
            raise ServiceError(0, "not_signed_in", "sign in first")
        return self._tokens


def _batches(samples: Iterable[Sequence[float]], size: int) -> Iterator[list[Sequence[float]]]:
    rows = iter(samples)
    while batch := list(islice(rows, max(1, size))):
        yield batch
