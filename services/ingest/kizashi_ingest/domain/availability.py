"""Which answers of the public door are good ones for the objective `ingest-availability`.

Source: OPERATIONS.md 6.1.
"""

from __future__ import annotations

from typing import Final

SLO: Final = "ingest-availability"
LIMIT_SECONDS: Final = 1.0
"""An edge of the buckets of `http_request_duration_seconds`."""


def is_good(route: str, method: str, code: int, seconds: float) -> bool | None:
    """Whether a POST was answered within a second and without an error of ours; None for what is not judged.

    Not judged: other methods, and 4xx, since those requests were not well-formed, not authorised, or beyond what their
    source may send (429). An overload is our own failure, so 503 is bad, whenever it is answered.
    """
    if method != "POST" or 400 <= code < 500:
        return None
    return code < 500 and seconds < LIMIT_SECONDS
