"""What the driver raises that is nobody's mistake: PostgreSQL is away, or cannot do this now.

Both are worth another try, so every way into the database says Busy for them; anything else is a mistake of ours.
"""

from __future__ import annotations

from typing import Final

import asyncpg

AWAY: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # an idle connection that was just told of a shutdown answers so
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""The connection, not the statement, failed."""

NOT_NOW: Final = (
    asyncpg.QueryCanceledError,  # it took longer than a statement may
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,  # deadlocks, and transactions that cannot be told apart from one after the other
    asyncpg.InsufficientResourcesError,  # a full disk, no memory
)
"""The statement is right, and was given up."""
