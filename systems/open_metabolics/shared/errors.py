"""The one form in which a caller is refused, over the HTTP API and over the container API."""

from __future__ import annotations

from typing import Any


class RequestError(Exception):
    """A request that cannot be served, said so that the caller can mend it.

    Args:
        status: HTTP status code, 400 to 599.
        code: stable word for programs, such as `invalid_field`.
        message: one or two sentences for people: what is wrong and what to send instead.
        field: the field of the request (or the missing thing) that is at fault.
        row: number of the data row of `csv_data`, 1 for the first row after the header.
        retry_after: seconds after which the same request may succeed.

    Example:
        >>> RequestError(400, "invalid_field", "must be a number", field="age").body()
        {'error': {'code': 'invalid_field', 'message': 'must be a number', 'field': 'age'}}
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        row: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.row = row
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.field is not None:
            error["field"] = self.field
        if self.row is not None:
            error["row"] = self.row
        return {"error": error}

    def headers(self) -> dict[str, str]:
        """The extra headers of the answer: `Retry-After` where a repeat may help."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


def invalid(field: str, message: str, *, row: int | None = None) -> RequestError:
    """A field whose value cannot be used (400 `invalid_field`)."""
    return RequestError(400, "invalid_field", message, field=field, row=row)


def missing(field: str, message: str) -> RequestError:
    """A field that must be sent and was not (400 `missing_field`)."""
    return RequestError(400, "missing_field", message, field=field)


def session_not_found() -> RequestError:
    """Somebody else's session and no session at all get the same answer, so that ids cannot be probed."""
    return RequestError(
        404,
        "session_not_found",
        "You have no session with this id. Upload its samples with save-raw-sensor-data first.",
        field="session_id",
    )


# Answers of AWS that mean "later", and not "never".
# Source: DynamoDB Developer Guide "Error handling with DynamoDB"; SQS API Reference "Common Error Types".
_LATER = frozenset(
    {
        "InternalServerError",
        "InternalFailure",
        "ItemCollectionSizeLimitExceededException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
_REFUSED = frozenset({"AccessDeniedException", "AccessDenied", "UnrecognizedClientException"})


def aws_code(error: BaseException) -> str | None:
    """The error code of a botocore `ClientError`, and None for any other exception."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return None
    code = response.get("Error", {}).get("Code")
    return code if isinstance(code, str) else None


def from_exception(error: BaseException) -> RequestError:
    """The answer for an exception that no code expected: never its text, which may hold personal data."""
    if isinstance(error, RequestError):
        return error
    code = aws_code(error)
    operation = getattr(error, "operation_name", "call")
    if code in _LATER:
        return RequestError(503, "busy", "The store is busy. Send the same request again.", retry_after=2)
    if code in _REFUSED:
        return RequestError(500, "access_denied", f"The role of this service may not {operation} ({code}).")
    if code is None and type(error).__module__.partition(".")[0] in ("botocore", "urllib3"):
        message = "The store does not answer. Send the same request again."
        return RequestError(503, "unavailable", message, retry_after=5)
    return RequestError(500, "internal", "The service failed. The request id finds the reason in its log.")
