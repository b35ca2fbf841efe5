"""Where a list goes on: the sort key of the last row, signed and bound to the question that was asked.

A cursor used with another workspace, filter or sort would silently skip or repeat rows, so it is refused. Keyset, not
offset: rows that come or change while someone pages are neither doubled nor lost, unless their own sort key moved.

Source: GATEWAY.md 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from kizashi_common.errors import Invalid


def binding(workspace: str, resource: str, filters: Mapping[str, object]) -> str:
    """What a cursor is bound to; equal questions give equal texts, whatever the order of their filters."""
    canonical = json.dumps([workspace, resource, dict(filters)], sort_keys=True, default=str)
    return sha256(canonical.encode()).hexdigest()[:24]


class Cursors:
    """Writes and reads cursors. `key` is a secret that all processes of the gateway share."""

    def __init__(self, key: bytes) -> None:
        self._serializer = URLSafeSerializer(key, salt="kizashi.cursor.v1", signer_kwargs={"digest_method": sha256})

    def write(self, bound_to: str, after: tuple[Any, ...]) -> str:
        """The cursor that goes on after the row with these sort values."""
        return str(self._serializer.dumps([bound_to, list(after)]))

    def read(self, bound_to: str, cursor: str | None) -> tuple[Any, ...] | None:
        """The sort values to go on after; nothing for the first page.

        Raises: Invalid code `cursor_mismatch` when it was not made by us, or for another question.
        """
        if cursor is None:
            return None
        try:
            bound, after = self._serializer.loads(cursor)
        except (BadData, ValueError, TypeError) as error:
            raise Invalid("The cursor is not one of ours.", code="cursor_mismatch") from error
        if bound != bound_to:
            raise Invalid("The cursor belongs to other filters; start again without it.", code="cursor_mismatch")
        return tuple(after)
