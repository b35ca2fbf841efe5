"""What may be asked of ingest: make a source, make or take over a key for it, revoke one.

Source: INGEST.md 15 and 19.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from kizashi_common.contracts.commands.health import Strict

SOURCES_PATH: Final = "/internal/v1/sources"
KEYS_PATH: Final = "/internal/v1/sources/{source}/keys"
KEY_PATH: Final = "/internal/v1/source-keys/{key_id}"

SourceKind = Literal[
    "native", "segment_server", "segment_web", "rudderstack", "posthog_server", "posthog_web", "cloudevents"
]


class CreateSource(Strict):
    """A stream of events with keys of its own."""

    source: str = Field(pattern="^[a-z0-9_-]{1,40}$")
    name: str = Field(min_length=1, max_length=200)
    kind: SourceKind
    origins: tuple[str, ...] = Field(default=(), max_length=50)
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")


class CreateKey(Strict):
    """A key for a source. With `key` one that another system made is taken over as given."""

    kind: Literal["server", "browser"]
    may_import: bool = False
    actor: Literal["service", "import"] | None = None
    key: str | None = Field(default=None, description="4 to 200 printable ASCII characters, no colon, no space.")


class SourceCreated(Strict):
    """The source, as it was made."""

    source: str


class KeyCreated(Strict):
    """The new key; `key` is shown this once, and absent for one that was taken over."""

    key_id: str
    key: str | None
