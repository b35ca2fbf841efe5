"""When it happened: out of what the client said, what it said about sending, and when we received it.

Source: INGEST.md 9, "Formats" and `occurred_at`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from kizashi_common.contracts.events import EventTime, TimeSource
from kizashi_ingest.domain.limits import Limits
from kizashi_ingest.domain.notes import Notes, Refused

FUTURE: Final = timedelta(minutes=5)
_SKEW: Final = timedelta(minutes=5)
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_ORIGINAL: Final = 64
_NUMBER: Final = re.compile(r"\d{1,20}(\.\d{1,9})?")
_TEXT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[tT ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*([zZ]|[+-]\d\d:?\d\d)?)?"
)
_UNITS: Final = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (float("inf"), 1e9))


class Told(NamedTuple):
    """An instant that a client wrote, and whether it forgot to say in which zone."""

    at: datetime
    is_naive: bool = False


class Sending(NamedTuple):
    """What is known about the request's way here. `is_fresh`: no sign of a retry, so the send time is not stale."""

    received_at: datetime
    is_fresh: bool
    is_device: bool = False


class Age(NamedTuple):
    """How old an event may be, and whether its key may send older ones."""

    limits: Limits
    may_import: bool


class Timed(NamedTuple):
    """When it happened, the note that travels with it, and whether it is older than live events may be."""

    occurred_at: datetime
    note: EventTime
    is_historical: bool


def cut(at: datetime) -> datetime:
    """The instant, cut to the millisecond."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def told(value: Any) -> Told | None:
    """The instant behind a client's text or number; None when there is none between 1970 and 2100."""
    if isinstance(value, str):
        found = _from_text(value.strip())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = _from_number(value)
    else:
        return None
    if found is None or not _EARLIEST <= found.at < _LATEST:
        return None
    return found


def _from_text(text: str) -> Told | None:
    if text[4:5] != "-" or text[7:8] != "-":
        return _from_number(float(text)) if _NUMBER.fullmatch(text) else None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return _from_odd_text(text)
    if at.tzinfo is None:
        return Told(at.replace(tzinfo=UTC), is_naive=True)
    try:
        return Told(at.astimezone(UTC))
    except OverflowError:
        return None


def _from_odd_text(text: str) -> Told | None:
    """What RFC 3339 allows and the fast parser does not: hour 24, second 60, small letters."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.group(1, 2, 3))
    hour, minute, second = (int(part or 0) for part in found.group(4, 5, 6))
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute, second) != (0, 0)):
        return None
    try:
        midnight = datetime(year, month, day, tzinfo=UTC)
        micro = int((found[7] or "0").ljust(6, "0")[:6])
        at = midnight + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)
        return Told(at - _offset(found[8]), is_naive=found[8] is None)
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "zZ":
        return timedelta(0)
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if zone[0] == "-" else size


def _from_number(number: float) -> Told | None:
    if not 0 <= number < 1e20:
        return None
    divisor = next(divisor for below, divisor in _UNITS if number < below)
    seconds = number / divisor
    return Told(_EARLIEST + timedelta(seconds=seconds)) if seconds < 5e9 else None


def timed(value: Any, sent: Any, sending: Sending, age: Age, notes: Notes) -> Timed:
    """When the event happened, by the four steps of the design.

    Raises: Refused too_old.
    """
    received_at = sending.received_at
    client = told(value)
    if client is None:
        notes.add("no_time" if value is None else "bad_time")
    elif client.is_naive:
        notes.add("naive_time")
    sent_at = _sent(sent)
    source: TimeSource = "received" if client is None else "client"
    occurred_at = received_at if client is None else client.at
    if client is not None and sent_at is not None and sending.is_device and sending.is_fresh:
        skew = received_at - sent_at
        if abs(skew) > _SKEW:
            # Whole minutes: the time on the way must not reorder what one device sent.
            occurred_at += timedelta(minutes=round(skew.total_seconds() / 60))
            source = "corrected"
            notes.add("skew_corrected")
    if occurred_at > received_at + FUTURE:
        occurred_at, source = received_at, "received"
        notes.add("future_time")
    note = _note(value, client, sent_at, received_at, source)
    return Timed(cut(occurred_at), note, _is_historical(received_at - occurred_at, age))


def _sent(value: Any) -> datetime | None:
    if isinstance(value, str):
        return _sent_text(value)
    found = told(value)
    return None if found is None else cut(found.at)


@lru_cache(maxsize=256)
def _sent_text(value: str) -> datetime | None:
    """Remembered, because all events of a batch were sent at once."""
    found = told(value)
    return None if found is None else cut(found.at)


def _note(
    value: Any, client: Told | None, sent_at: datetime | None, received_at: datetime, source: TimeSource
) -> EventTime:
    # Uncorrected, so that all copies of an event share the day, whatever skew each of them was given.
    day = received_at if client is None or client.at > received_at + FUTURE else client.at
    skew = None if sent_at is None else round((received_at - sent_at).total_seconds() * 1000)
    original = None if value is None else str(value)[:_ORIGINAL]
    return EventTime(original, sent_at, received_at, skew, source, day.date())


def _is_historical(old: timedelta, age: Age) -> bool:
    if old <= age.limits.accept_age:
        return False
    if age.may_import and old <= age.limits.import_age:
        return True
    most = age.limits.import_age if age.may_import else age.limits.accept_age
    raise Refused("too_old", "", f"Older than the {most.days} days that this key may send.")
