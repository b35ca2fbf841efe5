"""The one metadata of all schemas, and the column kinds that they share.

Each service owns one PostgreSQL schema and one role (`ROLES`); the migration history in `db/migrations` makes them,
and a test proves that these tables and that history agree. A table with `workspace_id` is under row-level security.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import DateTime, MetaData

NAMING: Final = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}

metadata: Final = MetaData(naming_convention=NAMING)

SCHEMAS: Final = ("ingest", "health", "alerts", "gateway", "read")
"""One schema for each owner, and `read` for the views that people's reads go through."""

ROLES: Final = ("kizashi_ingest", "kizashi_health", "kizashi_alerts", "kizashi_gateway")
"""Login roles of the services; none owns a table, is a superuser or bypasses row-level security."""

Instant: Final = DateTime(timezone=True)
"""An aware instant, UTC."""
