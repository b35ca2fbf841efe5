"""API keys: made, shown once, recognised, revoked.

Source: GATEWAY.md 2, "API keys".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from kizashi_common.db.repeats import Once
from kizashi_common.errors import Denied, Fault, Invalid
from kizashi_common.keys import API_CHANCE_BYTES, key_hash, new_api_key, parsed_api_key, same_hash
from kizashi_common.runtime.service import Chance, Clock
from kizashi_gateway.adapters.store import KeyInUse, Store
from kizashi_gateway.domain.access import Caller, beyond, unknown_scopes
from kizashi_gateway.domain.credential import KEY_LIFE, MEMBER_PRECISION, ApiKey
from kizashi_gateway.metrics import AUTH_FAILURES, Refusal

VERDICT_LIFE: Final = timedelta(seconds=30)
"""How long a good key is believed without asking again, but for its end; a revocation here is felt at once (0049)."""

MOST_VERDICTS: Final = 10_000


@dataclass(frozen=True)
class NewKey:
    """What someone wants: a name to recognise it by, rights, and how long."""

    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None = None

    @property
    def hash(self) -> bytes:
        """Equal for equal wishes."""
        ends = self.expires_at.isoformat() if self.expires_at else None
        return sha256(json.dumps([self.name, sorted(self.scopes), ends]).encode()).digest()


@dataclass(frozen=True)
class Made:
    """A key that was just made. `text` is the only copy of its secret, `digest` is what is kept of it."""

    key: ApiKey
    text: str
    digest: bytes

    @property
    def id(self) -> str:
        """Its id as shown."""
        return f"key_{self.key.key_id}"


class Keys:
    """Makes, recognises and revokes API keys."""

    def __init__(self, store: Store, clock: Clock, chance: Chance) -> None:
        self._store = store
        self._clock = clock
        self._chance = chance
        self._verdicts: dict[bytes, tuple[Caller, datetime]] = {}
        self._revocations = 0

    async def authenticate(self, text: str) -> Caller:
        """The caller behind a key. Raises: Denied; why not is counted, and said to nobody."""
        digest = sha256(text.encode()).digest()
        known, until = self._verdicts.get(digest, (None, None))
        now = self._clock()
        if known is not None and until is not None and now < until:
            return known
        self._verdicts.pop(digest, None)
        revocations = self._revocations
        found = await self._judged(text, now)
        caller = _caller(found)
        # What was read before a revocation must not be believed after it.
        if revocations == self._revocations:
            if len(self._verdicts) >= MOST_VERDICTS:
                self._verdicts.clear()
            self._verdicts[digest] = (caller, min(now + VERDICT_LIFE, found.key.ends_at))
        return caller

    async def make(self, creator: Caller, wish: NewKey, repeat_key: str | None = None) -> Made:
        """A new key of the creator's.

        Raises: Invalid naming every scope that does not exist or that the creator lacks, and an expiry in the past or
            beyond a year; Conflict code `secret_already_shown` when the same request made one before; Invalid code
            `idempotency_mismatch` when another request has used `repeat_key`.
        """
        now = self._clock()
        _must_be_acceptable(creator, wish, now)
        made = born(creator, wish, now, self._chance)
        once = None
        if repeat_key is not None:
            once = Once(creator.workspace, creator.actor, "POST /v1/api-keys", repeat_key, wish.hash)
        await self._store.add_key(made.key, made.digest, once)
        return made

    async def listed(self, caller: Caller) -> tuple[ApiKey, ...]:
        """All keys of the workspace."""
        return await self._store.keys(caller.workspace)

    async def one(self, caller: Caller, key_id: str) -> ApiKey:
        """One key. Raises: Absent."""
        return await self._store.key(caller.workspace, key_id)

    async def revoke(self, caller: Caller, key_id: str, version: int | None) -> ApiKey:
        """Ends a key. Raises: Absent, StaleVersion."""
        key = await self._store.revoke_key(caller.workspace, key_id, version, self._clock())
        self._revocations += 1
        self._verdicts.clear()
        return key

    async def _judged(self, text: str, now: datetime) -> KeyInUse:
        given = parsed_api_key(text)
        if given is None:
            raise _refused("unknown")
        workspace = await self._store.workspace_of(given.id, "api_key")
        found = None if workspace is None else await self._store.key_in_use(workspace, given.id, now)
        if found is None or not any(same_hash(key_hash(given.secret), known) for known in found.digests):
            raise _refused("unknown")
        refusal = found.key.refusal(now)
        if refusal is not None:
            raise _refused("revoked" if refusal == "revoked" else "expired")
        await self._store.saw_key(found.key.workspace, given.id, now, MEMBER_PRECISION)
        return found


def born(creator: Caller, wish: NewKey, now: datetime, chance: Chance, given: str = "") -> Made:
    """A key as wished, kept nowhere yet; `given` is the key itself, where somebody else has made it.

    Raises: Invalid when what is given is no API key.
    """
    secret = parsed_api_key(given) if given else new_api_key(chance(API_CHANCE_BYTES))
    if secret is None:
        raise Invalid("An API key is kza_, an id, a secret and their checksum.", code="invalid_key")
    key = ApiKey(
        workspace=creator.workspace,
        key_id=secret.id,
        name=wish.name,
        scopes=tuple(sorted(wish.scopes)),
        created_by=creator.member_id,
        created_at=now,
        ends_at=wish.expires_at or now + KEY_LIFE,
        revoked_at=None,
        last_used_at=None,
        version=1,
    )
    return Made(key, str(secret), key_hash(secret.secret))


def _must_be_acceptable(creator: Caller, wish: NewKey, now: datetime) -> None:
    faults = [Fault("/scopes", "unknown", f"There is no scope {scope}.") for scope in unknown_scopes(wish.scopes)]
    faults += [
        Fault("/scopes", "scope_missing", f"You lack {scope} yourself.")
        for scope in beyond(creator, wish.scopes)
        if scope not in unknown_scopes(wish.scopes)
    ]
    if wish.expires_at is not None and not now < wish.expires_at <= now + KEY_LIFE:
        faults.append(Fault("/expires_at", "out_of_range", "It must lie ahead, within a year."))
    if faults:
        raise Invalid("The key cannot be made.", faults=tuple(faults))


def _refused(reason: Refusal) -> Denied:
    AUTH_FAILURES.labels(reason).inc()
    return Denied("The key is not known, or not valid any more.")


def _caller(found: KeyInUse) -> Caller:
    key, creator = found.key, found.creator
    return Caller(
        workspace=key.workspace,
        actor=f"key_{key.key_id}",
        member_id=creator.member_id,
        name=key.name,
        mail=creator.mail,
        role=creator.role,
        scopes=frozenset(key.scopes),
    )
