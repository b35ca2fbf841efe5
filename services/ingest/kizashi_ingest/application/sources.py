"""Sources and keys: made, taken over and revoked here; and the ring that judges the key of every request.

All keys are in memory, read whole every few seconds and on a miss, so that a request costs no query and PostgreSQL may
be away: verdicts that are known hold, and a key that is not known is then no refusal but a "not now".

Source: INGEST.md 15.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from kizashi_common.contracts.ids import NewUuid
from kizashi_common.errors import Busy, Conflict, Denied
from kizashi_common.keys import (
    SOURCE_CHANCE_BYTES,
    SourceKeyKind,
    checked_foreign_key,
    hint,
    is_mistyped,
    key_hash,
    new_source_key,
)
from kizashi_common.telemetry.logging import get_logger
from kizashi_ingest import metrics
from kizashi_ingest.adapters.sources import SourceStore
from kizashi_ingest.domain.source_key import KeyActor, NewKey, NewSource, SourceKey, checked_source

ACTIVE_KEYS: Final = 2
"""Live keys of a kind per source: one, and another while they are exchanged."""

_UNKNOWN_FOR: Final = timedelta(seconds=30)
_UNKNOWN_KEPT: Final = 10_000
_log = get_logger("ingest")


class Grant(NamedTuple):
    """What a new key may do beyond sending events. `actor` marks all it sends as machine traffic."""

    may_import: bool = False
    actor: KeyActor | None = None


class Minted(NamedTuple):
    """A new key, shown this once."""

    key_id: UUID
    key: str


NOTHING: Final = Grant()


class Sources:
    """Makes sources and their keys."""

    def __init__(
        self,
        store: SourceStore,
        clock: Callable[[], datetime],
        chance: Callable[[int], bytes],
        new_uuid: NewUuid,
    ) -> None:
        self._store = store
        self._clock = clock
        self._chance = chance
        self._new_uuid = new_uuid

    async def create_source(self, new: NewSource, *, by: str = "system") -> None:
        """Makes a source, without keys. Raises: Invalid; Conflict, code key_taken; Busy."""
        await self._store.add_source(checked_source(new), self._clock())
        _log.info("source_created", workspace=new.workspace, source=new.source, kind=new.kind, actor=by)

    async def mint_key(
        self, workspace: str, source: str, kind: SourceKeyKind, grant: Grant = NOTHING, *, by: str = "system"
    ) -> Minted:
        """Makes a key of our own. Raises: Absent without the source; Conflict, code too_many_keys; Busy."""
        key = new_source_key(kind, self._chance(SOURCE_CHANCE_BYTES))
        return Minted(await self._add(NewKey(workspace, source, kind, key_hash(key), hint(key), *grant), by), key)

    async def import_key(
        self, workspace: str, source: str, kind: SourceKeyKind, key: str, grant: Grant = NOTHING, *, by: str = "system"
    ) -> UUID:
        """Takes a key over as given, so that a migrating team changes the address alone.

        Raises: Invalid for what no header can carry; Absent; Conflict, code key_taken or too_many_keys; Busy.
        """
        given = checked_foreign_key(key)
        return await self._add(NewKey(workspace, source, kind, key_hash(given), hint(given), *grant), by)

    async def revoke_key(self, workspace: str, key_id: UUID, *, by: str = "system") -> None:
        """The key is refused from the next refresh on, seconds away. Raises: Absent; Busy."""
        await self._store.revoke(workspace, key_id, self._clock())
        _log.info("source_key_revoked", workspace=workspace, key_id=str(key_id), actor=by)

    async def _add(self, new: NewKey, by: str) -> UUID:
        if await self._store.active_keys(new.workspace, new.source, new.kind) >= ACTIVE_KEYS:
            raise Conflict(f"A source has at most {ACTIVE_KEYS} live keys of a kind.", code="too_many_keys")
        key_id = self._new_uuid()
        await self._store.add_key(new, key_id, self._clock())
        _log.info(
            "source_key_created",
            workspace=new.workspace,
            source=new.source,
            kind=new.kind,
            key_id=str(key_id),
            may_import=new.may_import,
            actor=by,
        )
        return key_id


class Keyring:
    """Knows every key by its hash."""

    def __init__(self, store: SourceStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._keys: dict[bytes, SourceKey] = {}
        self._unknown: dict[bytes, datetime] = {}
        self._loaded_at: datetime | None = None
        self._made_at = clock()

    @property
    def is_loaded(self) -> bool:
        """The keys were read whole at least once."""
        return self._loaded_at is not None

    async def refresh(self) -> None:
        """Reads all keys anew. Raises: Busy, and keeps what it had."""
        self._keys = await self._store.keys()
        self._loaded_at = self._clock()

    def age_s(self) -> float:
        """How old the verdicts are, in seconds; before the first reading, how long it has been waited for."""
        return (self._clock() - (self._loaded_at or self._made_at)).total_seconds()

    async def judged(self, key: str) -> SourceKey:
        """Whose key this is.

        Raises: Denied, code invalid_key, also for revoked ones; Busy, code key_store_unavailable, when it is not known
        and nobody can be asked.
        """
        digest = key_hash(key)
        found, outcome = self._keys.get(digest), "cached"
        if found is None:
            found, outcome = await self._asked(key, digest), "loaded"
        metrics.key_checks_total.labels(outcome if found.is_active else "revoked").inc()
        if not found.is_active:
            raise Denied("No source has this key.", code="invalid_key")
        return found

    async def _asked(self, key: str, digest: bytes) -> SourceKey:
        now = self._clock()
        until = self._unknown.get(digest)
        found = None
        if not is_mistyped(key) and (until is None or until <= now):
            try:
                found = await self._store.key(digest)
            except Busy as error:
                metrics.key_checks_total.labels("stale").inc()
                raise Busy("Keys cannot be looked up now.", code="key_store_unavailable") from error
        if found is None:
            self._remember_unknown(digest, now)
            metrics.key_checks_total.labels("unknown").inc()
            raise Denied("No source has this key.", code="invalid_key")
        self._keys[digest] = found
        return found

    def _remember_unknown(self, digest: bytes, now: datetime) -> None:
        if len(self._unknown) >= _UNKNOWN_KEPT:
            self._unknown.clear()
        if self._unknown.get(digest, now) <= now:
            self._unknown[digest] = now + _UNKNOWN_FOR
