"""Which answers of the gateway are good ones for the objective `gateway-reads`.

Source: OPERATIONS.md 6.1.
"""

from __future__ import annotations

from typing import Final

SLO: Final = "gateway-reads"
LIMIT_SECONDS: Final = 0.3
"""An edge of the buckets of `http_request_duration_seconds`."""

_THE_SAME_FOR_ALL: Final = ("/static/", "/runbooks/", "/v1/openapi.json")


def is_good(route: str, method: str, code: int, seconds: float) -> bool | None:
    """Whether a GET was answered within 300 ms and without an error of ours; None for what is not judged.

    Pages of the console are judged like the API: people wait for them. Not judged are other methods, what is not there
    (no route), and what reads nothing: files and descriptions that are the same for everybody would only water down.
    A refusal is an answer, and finding out that it is one is our work: it is judged by its time.
    """
    if method != "GET" or not route.startswith("/") or route.startswith(_THE_SAME_FOR_ALL):
        return None
    return code < 500 and seconds < LIMIT_SECONDS
