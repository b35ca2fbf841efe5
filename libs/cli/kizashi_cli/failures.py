"""Failures in words: what happened and what to do, without a stack where the message says it all.

What nobody foresaw is told by its kind and place: this output is collected like a log.

Source: ARCHITECTURE.md 8, "Errors"; OPERATIONS.md 8.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from kizashi_common.errors import Invalid, KizashiError


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside a group of groups; of an error that is no group, itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def described(error: BaseException) -> str:
    """One paragraph for each thing that went wrong."""
    return "\n".join(dict.fromkeys(_one(leaf) for leaf in leaves(error)))


def _one(error: BaseException) -> str:
    if isinstance(error, Invalid) and error.faults:
        faults = [f"  {fault.pointer}: {fault.detail}" for fault in error.faults]
        is_told = all(fault.pointer in error.detail for fault in error.faults)
        head = f"{error.detail.partition(':')[0]}:" if is_told else error.detail
        return "\n".join((head, *faults))
    if isinstance(error, KizashiError):
        return error.detail
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error}"
    # Nobody foresaw it, so nobody knows what its words quote: a database names the row that it refused.
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{frames}{type(error).__name__} (its words are left out, for they may quote data)"
