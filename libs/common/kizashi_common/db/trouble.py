"""What driver and pool raise that is nobody's mistake: PostgreSQL is away, or cannot do this now.

Both are worth another try, so every way into the database says Busy for them; anything else is a mistake of ours.
"""

from __future__ import annotations

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from kizashi_common.errors import Busy

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


def as_busy(error: BaseException) -> Busy | None:
    """Busy for what is nobody's mistake, whether SQLAlchemy wrapped it or not; None for anything else."""
    if isinstance(error, PoolTimeout):
        return Busy("All connections to the database are in use, and no connection came free.")
    cause = getattr(error.orig, "__cause__", None) if isinstance(error, DBAPIError) else error
    # A connection that is cut while it is being made is not what SQLAlchemy calls invalidated.
    is_cut = isinstance(error, DBAPIError) and error.connection_invalidated
    if is_cut or isinstance(error, OperationalError | InterfaceError) or isinstance(cause, AWAY):
        return Busy("The database cannot be reached.")
    return Busy("The database cannot do this now.") if isinstance(cause, NOT_NOW) else None
