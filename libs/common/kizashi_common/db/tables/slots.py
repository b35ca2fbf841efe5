"""The tables behind every exactly-once consumer: slot, flush log, dead letters, parked records, slot outbox.

Health and alerts have the same five, each in its own schema, because `stream/ledger.py` writes them for both.

Source: HEALTH.md 5.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from kizashi_common.db.tables.metadata import Instant


class SlotTables(NamedTuple):
    """One service's five tables."""

    consumer_slot: Table
    flush_log: Table
    dead_letter: Table
    parked_event: Table
    outbox: Table


def slot_tables(metadata: MetaData, schema: str) -> SlotTables:
    """Declares the five tables in a schema."""
    return SlotTables(
        _consumer_slot(metadata, schema),
        _flush_log(metadata, schema),
        _set_aside("dead_letter", metadata, schema),
        _set_aside("parked_event", metadata, schema),
        Table(
            "outbox",
            metadata,
            Column("slot", Integer, primary_key=True, autoincrement=False),
            Column("seq", BigInteger, primary_key=True, autoincrement=False),
            Column("key", LargeBinary),
            Column("headers", JSONB, nullable=False),
            Column("payload", LargeBinary, nullable=False),
            schema=schema,
        ),
    )


def _counter(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _consumer_slot(metadata: MetaData, schema: str) -> Table:
    return Table(
        "consumer_slot",
        metadata,
        Column("slot", Integer, primary_key=True, autoincrement=False),
        Column("topic", Text, nullable=False),
        Column("part", Integer, nullable=False),
        Column("partitions", Integer, nullable=False),
        Column("cluster_id", Text),
        Column("incarnation", Integer, nullable=False, server_default="0"),
        Column("anchor_offset", BigInteger),
        Column("anchor_hash", LargeBinary),
        Column("epoch", BigInteger, nullable=False, server_default="0"),
        Column("flush_seq", BigInteger, nullable=False, server_default="0"),
        Column("owner", Text),
        Column("claimed_at", Instant),
        Column("first_offset", BigInteger, nullable=False, server_default="0"),
        Column("next_offset", BigInteger, nullable=False, server_default="0"),
        Column("complete_through", Instant),
        Column("outbox_next", BigInteger, nullable=False, server_default="1"),
        _counter("published_through"),
        _counter("applied"),
        _counter("duplicates"),
        _counter("dead_lettered"),
        _counter("parked"),
        _counter("control"),
        # What a person allowed to a slot that stopped: to begin a new log in place of this incarnation's, until then.
        Column("reset_from", Integer),
        Column("reset_until", Instant),
        Column("reset_by", Text),
        Column("gap_accepted", Boolean, nullable=False, server_default="false"),
        schema=schema,
        postgresql_with={"fillfactor": "20"},
    )


def _flush_log(metadata: MetaData, schema: str) -> Table:
    return Table(
        "flush_log",
        metadata,
        Column("slot", Integer, primary_key=True, autoincrement=False),
        Column("flush_seq", BigInteger, primary_key=True, autoincrement=False),
        Column("epoch", BigInteger, nullable=False),
        Column("incarnation", Integer, nullable=False),
        Column("from_off", BigInteger, nullable=False),
        Column("to_off", BigInteger, nullable=False),
        Column("n_new", Integer, nullable=False),
        Column("n_dup", Integer, nullable=False),
        Column("n_dead", Integer, nullable=False),
        Column("n_park", Integer, nullable=False),
        Column("n_ctl", Integer, nullable=False),
        Column("at", Instant, nullable=False),
        schema=schema,
    )


def _set_aside(name: str, metadata: MetaData, schema: str) -> Table:
    return Table(
        name,
        metadata,
        Column("slot", Integer, primary_key=True, autoincrement=False),
        Column("incarnation", Integer, primary_key=True, autoincrement=False),
        Column("off", BigInteger, primary_key=True, autoincrement=False),
        Column("code", Text, nullable=False),
        Column("error", Text, nullable=False),
        Column("key", LargeBinary),
        Column("value", LargeBinary, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("at", Instant, nullable=False),
        Column("replayed_at", Instant),
        schema=schema,
    )
