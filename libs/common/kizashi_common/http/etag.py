"""One object, one strong ETag: its version.

Source: GATEWAY.md 1, "Concurrency".
"""

from __future__ import annotations

import re
from typing import Final

from kizashi_common.errors import Invalid

_TAG: Final = re.compile(r'"v(\d{1,18})"')


def etag(version: int) -> str:
    """The header value for a version."""
    return f'"v{version}"'


def required_version(if_match: str | None) -> int | None:
    """The version that the caller saw, or None when `*` says that any will do.

    Raises: Invalid, code if_match_required, when the header is absent; code invalid when it is not one strong tag.
    """
    if if_match is None:
        raise Invalid("Send If-Match with the ETag that you saw.", code="if_match_required")
    if if_match.strip() == "*":
        return None
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise Invalid('If-Match must be one strong ETag such as "v3".', code="invalid")
    return int(found.group(1))


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller has this very representation already."""
    if if_none_match is None:
        return False
    listed = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return "*" in listed or tag in listed
