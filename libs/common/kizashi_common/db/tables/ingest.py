"""What ingest owns: sources with their keys, the nodes that accept, and the rounds that prove completeness.

`source` and `source_key` are read across workspaces (a key tells its workspace, not the other way round), so ingest's
role has a policy of its own on them; `node` and `round` belong to no workspace. Of a key only its hash is here.

Source: INGEST.md 9 (rounds) and 15 (keys).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY

from kizashi_common.db.tables.metadata import Instant, metadata

SCHEMA: Final = "ingest"

source = Table(
    "source",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("source_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column(
        "kind",
        Text,
        CheckConstraint(
            "kind in ('native', 'segment_server', 'segment_web', 'rudderstack', 'posthog_server', 'posthog_web', "
            "'cloudevents')",
            name="kind",
        ),
        nullable=False,
    ),
    Column("origins", ARRAY(Text), nullable=False, server_default="{}"),
    Column("currency", Text),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    schema=SCHEMA,
)

source_key = Table(
    "source_key",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("key_id", Uuid, primary_key=True),
    Column("source_id", Text, nullable=False),
    Column("kind", Text, CheckConstraint("kind in ('server', 'browser')", name="kind"), nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("hint", Text, nullable=False),
    Column("may_import", Boolean, nullable=False, server_default="false"),
    Column("actor", Text, CheckConstraint("actor in ('service', 'import')", name="actor")),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    ForeignKeyConstraint(["workspace_id", "source_id"], ["ingest.source.workspace_id", "ingest.source.source_id"]),
    schema=SCHEMA,
)
Index("source_key_hash", source_key.c.hash, unique=True)
Index(None, source_key.c.workspace_id, source_key.c.source_id)

node = Table(
    "node",
    metadata,
    Column("node", Text, primary_key=True),
    Column("complete_through", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    schema=SCHEMA,
)

round_ = Table(
    "round",
    metadata,
    Column("one", SmallInteger, CheckConstraint("one = 1", name="one"), primary_key=True, autoincrement=False),
    Column("round", BigInteger, nullable=False),
    Column("complete_through", Instant, nullable=False),
    Column("opened_at", Instant, nullable=False),
    schema=SCHEMA,
)
