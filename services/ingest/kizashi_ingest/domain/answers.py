"""What the world hears: answers in the words that SDKs read, and refusals with the members they look for.

A wrong status makes some SDKs resend for hours and others crash their host, so every status stands in one table here.
Never 202, 204, 3xx, 403, 409, 410, 501, 505 or 511 on these routes.

Source: INGEST.md 4 and 7.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from kizashi_common.errors import Fault

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

STATUS: Final = {
    "bad_json": 400,
    "bad_encoding": 400,
    "bad_envelope": 400,
    "too_deep": 400,
    "missing_key": 401,
    "invalid_key": 401,
    "origin_not_allowed": 401,
    "not_found": 404,
    "method_not_allowed": 405,
    "slow_body": 408,
    "body_too_large": 413,
    "batch_too_large": 413,
    "unsupported_format": 415,
    "invalid_event": 422,
    "strict_rejected": 422,
    "internal": 500,
    "overloaded": 503,
    "key_store_unavailable": 503,
}
"""Every refusal of a whole request: the closed set of the metric's label `code`."""

_TITLES: Final = {
    "bad_json": "Not JSON",
    "bad_encoding": "Not readable",
    "bad_envelope": "Not a batch of events",
    "too_deep": "Nested too deeply",
    "missing_key": "No key",
    "invalid_key": "Unknown key",
    "origin_not_allowed": "Origin not allowed",
    "not_found": "There is no such thing",
    "method_not_allowed": "Wrong method",
    "slow_body": "The body did not arrive",
    "body_too_large": "Too large",
    "batch_too_large": "Too many events",
    "unsupported_format": "Unsupported format",
    "invalid_event": "Not acceptable",
    "strict_rejected": "Not acceptable",
    "internal": "An error of ours",
    "overloaded": "Try again later",
    "key_store_unavailable": "Try again later",
}
_CLOSES: Final = frozenset(("body_too_large", "batch_too_large", "slow_body"))


class Reply(NamedTuple):
    """An answer, ready to be sent."""

    status: int
    body: bytes
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def answered(body: Any, status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(status, msgspec.json.encode(body))


class Refusal(NamedTuple):
    """Why a whole request is not taken. `retry_after` is in whole seconds."""

    code: str
    detail: str
    faults: tuple[Fault, ...] = ()
    retry_after: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


def refused(refusal: Refusal, request_id: str) -> Reply:
    """The problem document; never holds payload or key."""
    code, detail = refusal.code, refusal.detail
    body = {
        "type": f"urn:kizashi:problem:{code}",
        "title": _TITLES[code],
        "status": STATUS[code],
        "detail": detail,
        "instance": request_id,
        "code": code,
        "message": detail,
        "error": code,
        "error_description": detail,
        "success": False,
        "request_id": request_id,
        "errors": [{"pointer": f.pointer, "code": f.code, "detail": f.detail} for f in refusal.faults],
    }
    headers = list(refusal.headers)
    if refusal.retry_after is not None:
        headers.append(("retry-after", str(max(1, refusal.retry_after))))
    if code in _CLOSES:
        headers.append(("connection", "close"))
    return Reply(STATUS[code], msgspec.json.encode(body), PROBLEM, tuple(headers))
