"""What the gateway owns: workspaces, members, their ways in, and the record of who did what.

Every table but one carries the workspace and is under row-level security. The one is `credential`: before a request
is authenticated nobody knows its workspace, so one small directory says which workspace a credential belongs to. It
names its column `workspace`, holds digests and public key ids only, and gives no right by itself: scopes, expiry and
revocation are read afterwards, inside the workspace.

Source: GATEWAY.md 2.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kizashi_common.db.tables.metadata import Instant, metadata

SCHEMA: Final = "gateway"

APPEND_ONLY: Final = ("audit",)
"""Tables that the gateway's role may insert into and read, and never change."""

workspace = Table(
    "workspace",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    schema=SCHEMA,
)

member = Table(
    "member",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("mail", Text),
    Column("role", Text, CheckConstraint("role in ('viewer', 'csm', 'manager', 'admin')", name="role"), nullable=False),
    Column("created_at", Instant, nullable=False),
    ForeignKeyConstraint(["workspace_id"], ["gateway.workspace.workspace_id"]),
    schema=SCHEMA,
)

credential = Table(
    "credential",
    metadata,
    Column("name", Text, primary_key=True),
    Column(
        "kind", Text, CheckConstraint("kind in ('api_key', 'session', 'sign_in_link')", name="kind"), nullable=False
    ),
    Column("workspace", Text, nullable=False),
    Column("ends_at", Instant, nullable=False),
    schema=SCHEMA,
)

session = Table(
    "session",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("session_id", Text, primary_key=True),
    Column("member_id", Uuid, nullable=False),
    Column("key_id", Text),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    schema=SCHEMA,
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("link_id", Text, primary_key=True),
    Column("member_id", Uuid, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("used_at", Instant),
    schema=SCHEMA,
)

api_key = Table(
    "api_key",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_by", Uuid, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("last_used_at", Instant),
    Column("version", Integer, nullable=False),
    schema=SCHEMA,
)

api_key_secret = Table(
    "api_key_secret",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    ForeignKeyConstraint(["workspace_id", "key_id"], ["gateway.api_key.workspace_id", "gateway.api_key.key_id"]),
    schema=SCHEMA,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("actor", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("object", Text, nullable=False),
    Column("at", Instant, nullable=False),
    schema=SCHEMA,
)

audit = Table(
    "audit",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("audit_id", Uuid, primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("phase", Text, CheckConstraint("phase in ('intent', 'result')", name="phase"), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("outcome", Text),
    Column("body", JSONB, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", Instant, nullable=False),
    schema=SCHEMA,
)
Index(None, audit.c.workspace_id, audit.c.at, audit.c.audit_id)
