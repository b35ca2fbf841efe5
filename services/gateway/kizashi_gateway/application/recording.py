"""An audit row that cannot be stored is a page for the operator, whoever meant to write it.

Source: OPERATIONS.md 6.2, `KizashiAuditWriteFailures`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kizashi_gateway.metrics import AUDIT_WRITE_FAILURES


@contextmanager
def counting_failures() -> Iterator[None]:
    """Counts whatever keeps the block from storing its row, and lets it through."""
    try:
        yield
    except Exception:
        AUDIT_WRITE_FAILURES.inc()
        raise
