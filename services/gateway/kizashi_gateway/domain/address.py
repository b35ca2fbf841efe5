"""How a path names an account: by our id, or by the id its vendor gave it.

Source: GATEWAY.md 1, "Ids".
"""

from __future__ import annotations

from uuid import UUID

from kizashi_common.contracts.ids import account_uuid, parsed
from kizashi_common.errors import Absent, Invalid

EXTERNAL = "ext:"


def account_at(workspace: str, text: str) -> UUID:
    """The account's id. `text` is `acc_…` or `ext:…`, decoded.

    Raises: Absent when no account can have that name.
    """
    if text.startswith(EXTERNAL):
        return account_uuid(workspace, text.removeprefix(EXTERNAL))
    return object_at("acc", text)


def object_at(prefix: str, text: str) -> UUID:
    """The id behind `prefix_…`. Raises: Absent when no object can have that name."""
    try:
        return parsed(prefix, text)
    except Invalid as error:
        raise Absent(f"There is no {text[:80]}.") from error
