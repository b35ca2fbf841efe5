"""Records become messages, or dead letters with a code: right partition, readable, in time, within limits.

Everything that PostgreSQL would refuse is refused here, on parsed strings, so that a flush cannot fail on a value.

Source: HEALTH.md 1, 7, 8, 12.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from kizashi_common.contracts.envelope import Record
from kizashi_common.contracts.events import HUMAN_ACTIONS, Event, Fact, Heartbeat, Message, decode
from kizashi_common.contracts.partitioning import partition_of
from kizashi_common.errors import Poison

MOST_AHEAD: Final = timedelta(minutes=10)
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_EARLIEST_DAY: Final = _EARLIEST.date()
_DAY: Final = timedelta(days=1)
_LONGEST_ID: Final = 256
_NOT_USE: Final = frozenset(("bot", "test"))


class Taken(NamedTuple):
    """One record, read."""

    record: Record
    message: Message


def read(record: Record, partition: int, partitions: int) -> Taken:
    """The message in a record that lies where it belongs.

    Raises: Poison with the dead letter's code: decode, schema, wrong_partition, future, limit or refused.
    """
    if record.key is not None and partition_of(record.key, partitions) != partition:
        raise Poison("A producer with another partitioner wrote this.", code="wrong_partition")
    try:
        message = decode(record.value)
    except msgspec.ValidationError as error:
        raise Poison(str(error)[:200], code="schema") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Poison(type(error).__name__, code="decode") from error
    if not isinstance(message, Heartbeat):
        _check(message, record)
    return Taken(record, message)


def _check(message: Event | Fact, record: Record) -> None:
    _check_time(message.time, record)
    account = message.subject
    if account is None or record.key is None or message.partitionkey.encode() != record.key:
        raise Poison("An event of this topic names its account, and its key agrees.", code="schema")
    identifiers = [account, message.id, message.sourceid, message.workspaceid]
    if isinstance(message, Event):
        identifiers += [name for name in (message.data.user_id, message.data.feature) if name is not None]
        _check_day(message.data.time.dedupe_day, record)
    for identifier in identifiers:
        if "\x00" in identifier:
            raise Poison("An identifier holds NUL.", code="refused")
        if len(identifier) > _LONGEST_ID:
            raise Poison("An identifier is longer than 256.", code="limit")


def _check_time(time: datetime, record: Record) -> None:
    if time.tzinfo is None:
        raise Poison("Its time has no zone.", code="schema")
    if time > record.at + MOST_AHEAD:
        raise Poison("It claims to have happened after it was appended.", code="future")
    if time < _EARLIEST:
        raise Poison("It claims to have happened before 1990.", code="refused")


def _check_day(day: date, record: Record) -> None:
    if not _EARLIEST_DAY <= day <= record.at.date() + _DAY:
        raise Poison("Its dedupe day lies outside 1990 to the day after it was appended.", code="refused")


def is_use(event: Event) -> bool:
    """Whether a person used the product: the only thing that makes a day active.

    Source: HEALTH.md 7.
    """
    data = event.data
    return data.action in HUMAN_ACTIONS and data.actor == "human" and _NOT_USE.isdisjoint(data.flags)


def is_historical(event: Event) -> bool:
    """Whether it was imported: its effect on scores is no news to rules."""
    return "historical" in event.data.flags
