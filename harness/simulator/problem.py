"""What the API answers when it refuses: status, error type, message; the only place that writes it.

Types and the shape of the body are those of Anthropic's page on API errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ERROR_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_type(status: int) -> str:
    """The API's error type for an HTTP status; a status it does not document is an `api_error`."""
    return ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")


class ApiError(Exception):
    """A request that the API refuses; `headers` are sent beside the usual ones."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        error_code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.error_code = error_code
        self.headers = dict(headers or {})
        super().__init__(message)


class InvalidError(ApiError):
    """A 400: what is wrong, with the key path that is put together while the error rises."""

    def __init__(self, message: str) -> None:
        self.path: list[str | int] = []
        self.problem = message
        super().__init__(400, message)

    def under(self, *keys: str | int) -> InvalidError:
        """The same error, seen from the value that holds it under `keys`."""
        self.path[:0] = keys
        self.message = f"{'.'.join(map(str, self.path))}: {self.problem}"
        return self


def error_body(error: ApiError, request_id: str) -> dict[str, Any]:
    """The JSON body of an error, also of an `error` event and of a batch's errored result."""
    inner: dict[str, Any] = {"type": error_type(error.status), "message": error.message}
    if error.error_code:
        inner["details"] = {"error_code": error.error_code}
    return {"type": "error", "error": inner, "request_id": request_id}
