"""Sorted rows → a staging table by COPY → one upsert.

Values are absolute, never deltas, so a repeated write is harmless. Rows are sorted by key, because concurrent upserts
in different orders deadlock. COPY goes into a temporary table: PostgreSQL refuses it into one under row-level
security. The staging table lives as long as the session, hence no transaction-pooling proxy on this connection.

Source: HEALTH.md 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Table

_FEW: Final = 40
"""Up to so many rows, one pipelined statement per row is cheaper than COPY's extra round trips."""

Row = tuple[Any, ...]


class Upsert:
    """Writes rows of one table. `update` lists the columns that a later write replaces; with none, the first stays."""

    def __init__(self, table: Table, update: Sequence[str] | None = None) -> None:
        self._name = table.fullname
        self._staging = f"staging_{table.name}"
        self.columns = tuple(column.name for column in table.columns if column.identity is None)
        keys = tuple(column.name for column in table.primary_key.columns)
        self._sort = tuple(self.columns.index(key) for key in keys)
        changed = tuple(c for c in self.columns if c not in keys) if update is None else tuple(update)
        listed, conflict = ", ".join(self.columns), ", ".join(keys)
        action = f"UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in changed)}" if changed else "NOTHING"
        tail = f"ON CONFLICT ({conflict}) DO {action}"
        marks = ", ".join(f"${i}" for i in range(1, len(self.columns) + 1))
        self._one = f"INSERT INTO {self._name} ({listed}) VALUES ({marks}) {tail}"
        self._many = (
            f"INSERT INTO {self._name} ({listed}) SELECT {listed} FROM {self._staging} ORDER BY {conflict} {tail}"
        )

    async def write(self, connection: Any, rows: Sequence[Row]) -> None:
        """Writes the rows inside the caller's transaction.

        Shape: each row holds the table's columns in their order; at most one row per key.
        """
        if not rows:
            return
        ordered = sorted(rows, key=self._key)
        if len(ordered) <= _FEW:
            await connection.executemany(self._one, ordered)
            return
        await connection.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {self._staging} (LIKE {self._name}) ON COMMIT DELETE ROWS"
        )
        await connection.copy_records_to_table(self._staging, records=ordered, columns=self.columns)
        await connection.execute(self._many)

    def _key(self, row: Row) -> Row:
        return tuple(row[i] for i in self._sort)
