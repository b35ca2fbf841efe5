"""What health owns: counted use, facts, scores and their history.

Tables that start with the slot belong to one writer each; tables that start with the workspace are what people read.

Source: HEALTH.md 5.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kizashi_common.db.tables.metadata import Instant, metadata
from kizashi_common.db.tables.slots import SlotTables, slot_tables

SCHEMA: Final = "health"
_UPDATED: Final = {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.02", "autovacuum_vacuum_cost_delay": "0"}

slots: Final[SlotTables] = slot_tables(metadata, SCHEMA)


def _slot() -> Column[int]:
    return Column("slot", Integer, primary_key=True, autoincrement=False)


build = Table(
    "build",
    metadata,
    Column("build_id", SmallInteger, primary_key=True, autoincrement=False),
    Column("partitions", SmallInteger, nullable=False),
    Column("state", Text, CheckConstraint("state in ('building', 'active', 'retired')", name="state"), nullable=False),
    Column("dedupe_key", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("activated_at", Instant),
    schema=SCHEMA,
)
Index("build_one_active", text("(true)"), unique=True, postgresql_where=text("state = 'active'"), _table=build)

account = Table(
    "account",
    metadata,
    _slot(),
    Column("account_id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("created_day", Date, nullable=False),
    Column("bits_from", Date),
    Column("active_bits", LargeBinary),
    Column("next_user", Integer, nullable=False, server_default="0"),
    Column("last_login_day", Date),
    Column("stale_since", Instant),
    Column("unsent", Text),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)

account_day = Table(
    "account_day",
    metadata,
    _slot(),
    Column("account_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("human", BigInteger, nullable=False),
    Column("logins", Integer, nullable=False),
    Column("anonymous", Integer, nullable=False),
    Column("users", LargeBinary, nullable=False),
    Column("feats", LargeBinary, nullable=False),
    Column("sources", LargeBinary, nullable=False),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)

account_user = Table(
    "account_user",
    metadata,
    _slot(),
    Column("account_id", Uuid, primary_key=True),
    Column("ord", Integer, primary_key=True, autoincrement=False),
    Column("workspace_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)

account_feature = Table(
    "account_feature",
    metadata,
    _slot(),
    Column("account_id", Uuid, primary_key=True),
    Column("feature", Text, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)

account_score = Table(
    "account_score",
    metadata,
    _slot(),
    Column("account_id", Uuid, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("score_seq", BigInteger, nullable=False),
    Column("published_at", Instant),
    Column("published_band", Text),
    Column("published_over_cut", Boolean),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)

account_score_day = Table(
    "account_score_day",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("account_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("basis", Text, CheckConstraint("basis in ('published', 'reconstructed')", name="basis"), primary_key=True),
    Column("score", Double),
    Column("band", Text),
    Column("probability", Double),
    Column("evidence", Text, nullable=False),
    Column("calibration_id", BigInteger),
    Column("points", JSONB, nullable=False),
    Column("signals", JSONB, nullable=False),
    schema=SCHEMA,
)

dedupe_chunk = Table(
    "dedupe_chunk",
    metadata,
    _slot(),
    Column("event_day", Date, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("written_on", Date, nullable=False),
    Column("ids", LargeBinary, nullable=False),
    schema=SCHEMA,
)

slot_day = Table(
    "slot_day",
    metadata,
    _slot(),
    Column("workspace_id", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("active_accounts", Integer, nullable=False),
    Column("events", BigInteger, nullable=False),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)

workspace_day = Table(
    "workspace_day",
    metadata,
    Column("build_id", SmallInteger, primary_key=True, autoincrement=False),
    Column("workspace_id", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("calibration_id", BigInteger),
    Column("medians", JSONB, nullable=False),
    Column("ready_at", Instant),
    Column("partial", Boolean, nullable=False),
    schema=SCHEMA,
)

account_card = Table(
    "account_card",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("account_id", Uuid, primary_key=True),
    Column("external_id", Text, nullable=False),
    Column("name", Text),
    Column("owner", Text),
    Column("lifecycle", Text, nullable=False),
    Column("score", Double),
    Column("band", Text),
    Column("evidence", Text, nullable=False),
    Column("coverage", Double, nullable=False),
    Column("change_28", Double),
    Column("probability", Double),
    Column("horizon_days", Integer),
    Column("top_reasons", JSONB, nullable=False),
    Column("arr", Double),
    Column("currency", Text),
    Column("revenue_at_risk", Double, nullable=False),
    Column("revenue_known", Boolean, nullable=False),
    Column("renewal_date", Date),
    Column("last_active_day", Date),
    Column("as_of", Instant, nullable=False),
    Column("complete_through", Instant),
    Column("stale", Boolean, nullable=False),
    Column("score_seq", BigInteger, nullable=False),
    Column("body", JSONB, nullable=False),
    schema=SCHEMA,
    postgresql_with=_UPDATED,
)
Index(
    "account_card_risk",
    account_card.c.workspace_id,
    account_card.c.revenue_at_risk.desc(),
    account_card.c.account_id,
)
Index("account_card_external", account_card.c.workspace_id, account_card.c.external_id, unique=True)

fact = Table(
    "fact",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("account_id", Uuid, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("entry", Text, primary_key=True, server_default=""),
    Column("at", Instant, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("value", JSONB),
    Column("known_at", Instant, nullable=False),
    Column("origin", Text, nullable=False),
    Column("actor", Text),
    schema=SCHEMA,
)

wake = Table(
    "wake",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("slot", Integer, nullable=False),
    Column("workspace_id", Text, nullable=False),
    Column("subject", Text, nullable=False, server_default=""),
    Column("why", Text, nullable=False),
    schema=SCHEMA,
)
Index(None, wake.c.slot, wake.c.id)

feature = Table(
    "feature",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("first_day", Date, nullable=False),
    schema=SCHEMA,
)

calibration = Table(
    "calibration",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("build_id", SmallInteger, nullable=False),
    Column("workspace_id", Text, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("kind", Text, CheckConstraint("kind in ('live', 'reconstructed')", name="kind"), nullable=False),
    Column("profile", Text, nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("prior_pace", Double, nullable=False),
    Column("base_rate", Double, nullable=False),
    Column("intercept", Double, nullable=False),
    Column("slope", Double, nullable=False),
    Column("typical", JSONB, nullable=False),
    Column(
        "basis", Text, CheckConstraint("basis in ('recorded', 'inactivity', 'stated')", name="basis"), nullable=False
    ),
    Column("accounts", Integer, nullable=False),
    Column("outcomes", Integer, nullable=False),
    Column("data_version", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
    schema=SCHEMA,
)
Index(None, calibration.c.workspace_id, calibration.c.as_of, calibration.c.id)

document = Table(
    "document",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column(
        "state", Text, CheckConstraint("state in ('draft', 'shadow', 'live', 'retired')", name="state"), nullable=False
    ),
    Column("body", JSONB, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Instant, nullable=False),
    schema=SCHEMA,
)
