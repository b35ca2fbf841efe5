"""An item of `/v1/facts` → the one envelope in which facts travel, or the reason why it can never be one.

Source: INGEST.md 10 and 13.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kizashi_common.contracts.events import Fact, FactData, FactItem
from kizashi_common.contracts.partitioning import account_key
from kizashi_ingest.domain import facts, timing
from kizashi_ingest.domain.attribution import event_id, identifier
from kizashi_ingest.domain.clean import clean, tidy
from kizashi_ingest.domain.dialect import FactDraft
from kizashi_ingest.domain.frame import Frame, MadeId
from kizashi_ingest.domain.limits import FACTS_PER_ACCOUNT
from kizashi_ingest.domain.notes import Notes, Refused


def fact_of(draft: FactDraft, raw: bytes, frame: Frame, notes: Notes, made: MadeId) -> Fact:
    """The envelope of an item of `/v1/facts`.

    Raises: Refused no_identity, invalid_identifier or invalid_fact.
    """
    account = identifier(draft.account, "/id", notes)
    if account is None:
        raise Refused("no_identity", "/id", "The item names no account.")
    received_at = frame.sending.received_at
    at = _fact_time(draft.at, received_at, notes)
    say = facts.Say(frame.key.kind, frame.key.currency)
    found = facts.stated(tidy(draft.states, "/facts", notes), say, notes)
    found += [_entry(entry, f"/entries/{i}", received_at, notes) for i, entry in enumerate(draft.entries)]
    if not found or len(found) > FACTS_PER_ACCOUNT * 2:
        raise Refused("invalid_fact", "", "An item holds at least one fact, and not hundreds.")
    name = event_id(draft.event_id, "/event_id", notes)
    if name is None:
        # What is true from now on is told again by a retry: equal content, equal id, and the last one wins anyway.
        notes.add("id_made")
        name = made(raw, True)
    workspace = frame.key.workspace
    return Fact(
        name,
        frame.source_uri,
        at,
        account,
        workspace,
        frame.key.source,
        account_key(workspace, account),
        FactData(found, frame.note),
    )


def _fact_time(value: Any, received_at: datetime, notes: Notes) -> datetime:
    """When a fact was true; never later than now, or nothing could ever take its place."""
    found = timing.told(value)
    if found is None:
        notes.add("no_time" if value is None else "bad_time")
        return received_at
    if found.is_naive:
        notes.add("naive_time")
    if found.at > received_at + timing.FUTURE:
        notes.add("future_time")
        return received_at
    return timing.cut(found.at)


def _entry(entry: Any, place: str, received_at: datetime, notes: Notes) -> FactItem:
    if not isinstance(entry, dict):
        raise Refused("invalid_fact", place, "An entry is an object.")
    name = facts.entry_name(entry.get("name"), f"{place}/name")
    known = identifier(entry.get("id"), f"{place}/id", notes)
    value = entry.get("value")
    if known is None or not isinstance(value, dict):
        raise Refused("invalid_fact", place, "An entry has an id and an object as its value.")
    at = entry.get("at")
    cleaned = clean(value, f"{place}/value", notes, 3)
    return FactItem(name, cleaned, known, None if at is None else _fact_time(at, received_at, notes))
