"""The kinds of failure, and what each asks of its caller.

A class is a demand, not a place: code raises the one whose demand fits, and only the doors (HTTP, stream runner,
delivery) know what to do with it. The docstring of a class is its default message; `code` is stable and may be
matched by clients.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input.

    `pointer` is an RFC 6901 JSON pointer into the input ('' is the whole), `code` is stable, `detail` is for people.
    """

    pointer: str
    code: str
    detail: str


class KizashiError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "internal"

    def __init__(self, detail: str | None = None, *, code: str | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip().splitlines()[0]
        self.reason = code or self.code
        super().__init__(self.detail)


class Invalid(KizashiError):
    """The input is not acceptable; every fault is listed."""

    code = "invalid"

    def __init__(self, detail: str | None = None, *, faults: tuple[Fault, ...] = (), code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.faults = faults


class Absent(KizashiError):
    """There is no such thing, or not for you."""

    code = "not_found"


class Conflict(KizashiError):
    """The state of the thing does not allow this now."""

    code = "conflict"


class StaleVersion(Conflict):
    """The object changed in between."""

    code = "stale_version"

    def __init__(self, detail: str, *, current: dict[str, object]) -> None:
        super().__init__(detail)
        self.current = current


class Denied(KizashiError):
    """The caller is not known, or lacks the right."""

    code = "unauthenticated"


class Busy(KizashiError):
    """A dependency cannot serve this now; try again later."""

    code = "overloaded"

    def __init__(
        self, detail: str | None = None, *, retry_after: timedelta = timedelta(seconds=5), code: str | None = None
    ) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class Poison(KizashiError):
    """This record can never be applied: set it aside and go on."""

    code = "schema"


class Fenced(KizashiError):
    """Another owner has the partition: drop its state, write nothing."""

    code = "fenced"


class LogReset(KizashiError):
    """The log is not the one that was read before: a person must look."""

    code = "log_reset"


class LogGap(KizashiError):
    """Retention removed records before they were read: a person must look."""

    code = "gap"


class Rejected(KizashiError):
    """The receiver will never take this: do not try again."""

    code = "rejected"


class Unavailable(KizashiError):
    """The receiver did not take this now: try again later."""

    code = "unavailable"

    def __init__(self, detail: str | None = None, *, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
