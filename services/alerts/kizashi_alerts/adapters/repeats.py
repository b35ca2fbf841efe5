"""Actions of people that came with an Idempotency-Key, with the answers that they got.

Source: GATEWAY.md 1, "Idempotency-Key".
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.db.repeats import Once, claim, remember
from kizashi_common.db.tables.alerts import idempotency


async def answered_before(connection: AsyncConnection, once: Once | None, at: datetime, meant: str) -> str | None:
    """What the same request was answered; None when it is the first, or no Idempotency-Key came with it.

    Raises: as `claim`.
    """
    row = None if once is None else await claim(connection, idempotency, once, at, object=meant)
    return None if row is None else str(row.answer)


async def keep_answer(connection: AsyncConnection, once: Once | None, answer: str) -> None:
    """Keeps what the request is answered now, for its repeats."""
    if once is not None:
        await remember(connection, idempotency, once, answer=answer)
