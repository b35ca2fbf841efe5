"""Failures in words: what happened and what to do, without a stack where the message says it all.

Source: ARCHITECTURE.md 8, "Errors".
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
        return "\n".join((error.detail, *faults))
    if isinstance(error, KizashiError):
        return error.detail
    return "".join(traceback.format_exception(error)).rstrip()
