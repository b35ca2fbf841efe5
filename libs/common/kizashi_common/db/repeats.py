"""One effect for one Idempotency-Key: a request is remembered in the transaction of its effect.

A refusal rolls both back, so its key is free again; a second request that comes while the first still runs waits for
its end. Each service remembers what it owns, in a table of its own.

Source: GATEWAY.md 1, "Idempotency-Key".
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, Table, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.errors import Busy, Conflict, Invalid

KEPT: Final = timedelta(hours=24)


class Once(NamedTuple):
    """A request that may come again. `request_hash` tells whether what comes is the same. The names are columns'."""

    workspace_id: str
    actor: str
    route: str
    key: str
    request_hash: bytes


async def claim(connection: AsyncConnection, table: Table, once: Once, at: datetime, **columns: Any) -> Row[Any] | None:
    """The row of the same request before; None when this is the first, which is remembered with `columns` now.

    Raises: Invalid, code idempotency_mismatch, when another request has the key; Busy.
    """
    expired = and_(table.c.workspace_id == once.workspace_id, table.c.at <= at - KEPT)
    await connection.execute(delete(table).where(expired))
    remembered = insert(table).values(**once._asdict(), at=at, **columns).on_conflict_do_nothing()
    if (await connection.execute(remembered.returning(table.c.key))).first() is not None:
        return None
    row = (await connection.execute(select(table).where(_is(table, once)))).first()
    if row is None:
        raise Busy("The same request is being forgotten just now.")
    if row.request_hash != once.request_hash:
        raise Invalid("Another request has used this Idempotency-Key.", code="idempotency_mismatch")
    return row


async def claim_for_secret(
    connection: AsyncConnection, table: Table, once: Once | None, at: datetime, made: str
) -> None:
    """Remembers the request that makes an object with a secret. Without an Idempotency-Key there is nothing to do.

    Raises: Conflict, code secret_already_shown, when the same request made one before; as `claim`.
    """
    earlier = None if once is None else await claim(connection, table, once, at, object=made)
    if earlier is not None:
        raise Conflict(
            f"This request made {earlier.object} before; its secret was shown then.", code="secret_already_shown"
        )


async def remember(connection: AsyncConnection, table: Table, once: Once, **columns: Any) -> None:
    """Adds what became known while the request was carried out."""
    await connection.execute(update(table).where(_is(table, once)).values(**columns))


def _is(table: Table, once: Once) -> ColumnElement[bool]:
    c = table.c
    return and_(c.workspace_id == once.workspace_id, c.actor == once.actor, c.route == once.route, c.key == once.key)
