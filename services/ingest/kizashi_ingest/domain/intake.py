"""One request's items, judged one after another: each accepted, ignored, a duplicate, or refused alone.

One bad event never costs its neighbours; within one request the first copy of an id wins.

Source: INGEST.md 1.2 and 12.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from kizashi_common.contracts import quarantine
from kizashi_common.contracts.envelope import JSON, Outgoing, packed
from kizashi_common.contracts.events import Action, Event, Fact
from kizashi_common.contracts.topics import EVENTS, QUARANTINE, UNATTRIBUTED
from kizashi_ingest.domain.attribution import hashed
from kizashi_ingest.domain.clean import canonical, clean, lenient, rendered
from kizashi_ingest.domain.context import context_of
from kizashi_ingest.domain.dialect import Asked, Draft, Drafted, FactDraft, Item, Route, Verdict
from kizashi_ingest.domain.event import event_of
from kizashi_ingest.domain.fact_event import fact_of
from kizashi_ingest.domain.frame import Frame
from kizashi_ingest.domain.limits import ID_BYTES
from kizashi_ingest.domain.notes import Notes, Refused

_NOT_IDENTITY: Final = ("sentAt", "sent_at", "writeKey", "_metadata")
_LIBRARY: Final = 128


class Destined(NamedTuple):
    """A record and the topic that it goes to; its key says which partition."""

    topic: str
    record: Outgoing


class Outcome(NamedTuple):
    """What became of one item. `action` None: nothing was published under an action; `age_s` seconds since it happened.

    `warnings` are (code, count).
    """

    verdict: Verdict
    destined: Destined | None
    action: Action | None = None
    age_s: float = 0.0
    warnings: tuple[tuple[str, int], ...] = ()


class Intake:
    """Judges the items of one request in order."""

    def __init__(self, route: Route, asked: Asked, frame: Frame, start: Notes, trace: str | None) -> None:
        self._route = route
        self._asked = asked
        self._frame = frame
        self._limits = frame.age.limits
        self._start = tuple(start.listed())
        self._trace = trace
        self._seen: dict[str, bytes] = {}
        self._ordinals: dict[bytes, int] = {}

    def take(self, index: int, item: Item) -> Outcome:
        """What becomes of the next item. Never raises for what a sender can send."""
        notes = Notes(self._start)
        drafted: Drafted | None = None
        try:
            if len(item.raw) > self._limits.event_bytes:
                raise self._too_large()
            drafted = self._route.draft(item, self._asked, notes)
            if len(drafted.raw) > self._limits.event_bytes:
                raise self._too_large()
            return self._judged(index, drafted, notes)
        except Refused as refused:
            return self._quarantined(index, item, drafted, refused)
        except RecursionError:
            return self._quarantined(index, item, drafted, Refused("too_deep", "", "Nested too deeply."))

    def _too_large(self) -> Refused:
        most = self._limits.event_bytes
        return Refused("event_too_large", "", f"An event has at most {most} bytes.")

    def _judged(self, index: int, drafted: Drafted, notes: Notes) -> Outcome:
        action: Action | None = None
        message: Event | Fact
        if isinstance(drafted.draft, FactDraft):
            message, ignored = fact_of(drafted.draft, drafted.raw, self._frame, notes, self._made_id), False
        else:
            message, action = event_of(drafted.draft, drafted.raw, self._frame, notes, self._made_id)
            ignored = action is None
        codes = tuple(notes.codes())
        shown = tuple(sorted({code for code, _ in codes})) if codes else ()
        if self._is_repeated(message.id, drafted.raw):
            return Outcome(Verdict(index, "duplicate_in_batch", message.id, warnings=shown), None)
        if ignored:
            return Outcome(Verdict(index, "ignored", message.id, warnings=shown), None, warnings=codes)
        record = packed(message, self._trace)
        if len(record.value) > self._limits.record_bytes:
            raise Refused("record_too_large", "", f"Encoded it has more than {self._limits.record_bytes} bytes.")
        topic = UNATTRIBUTED.name if message.subject is None else EVENTS.name
        age = (self._frame.sending.received_at - message.time).total_seconds()
        return Outcome(
            Verdict(index, "accepted", message.id, warnings=shown),
            Destined(topic, record),
            action,
            max(0.0, age),
            codes,
        )

    def _is_repeated(self, name: str, raw: bytes) -> bool:
        first = self._seen.setdefault(name, raw)
        if first is raw:
            return False
        if first == raw or _identity(first) == _identity(raw):
            return True
        raise Refused("id_conflict", "", "Another event of this request has the same id.")

    def _made_id(self, raw: bytes, has_time: bool) -> str:
        """Equal items of a request get different ids, a repeated request the same ones.

        Without a time nothing tells a retry from a second login, and two real logins must not merge: the id is then
        the request's own.
        """
        content = _identity(raw)
        ordinal = self._ordinals.get(content, 0)
        self._ordinals[content] = ordinal + 1
        origin = self._frame.key.source if has_time else self._frame.note.request_id
        return hashed(b"\0".join((origin.encode(), content, str(ordinal).encode())))

    def _quarantined(self, index: int, item: Item, drafted: Drafted | None, refused: Refused) -> Outcome:
        frame = self._frame
        raw = item.raw if item.parsed is msgspec.UNSET else rendered(item.parsed)
        draft = None if drafted is None else drafted.draft
        truncated = len(raw) > quarantine.KEPT_BYTES
        message = quarantine.Quarantined(
            refused.quarantine,
            refused.pointer,
            refused.detail,
            frame.key.workspace,
            frame.key.source,
            frame.note.dialect,
            frame.sending.received_at,
            frame.note.request_id,
            raw[: quarantine.TEASER_BYTES] if truncated else raw,
            truncated,
            _shown(draft.event_id if draft is not None else None),
            _shown(draft.account if draft is not None else None),
            _library(draft),
        )
        record = Outgoing(
            frame.key.workspace.encode(),
            quarantine.encode(message),
            (("content-type", JSON), ("workspace", frame.key.workspace.encode())),
        )
        verdict = Verdict(
            index, "quarantined", message.event_id, refused.quarantine, refused.detail, pointer=refused.pointer or None
        )
        return Outcome(verdict, Destined(QUARANTINE.name, record))


def _identity(raw: bytes) -> bytes:
    members = clean(lenient(raw.decode()), "", Notes())
    for name in _NOT_IDENTITY:
        members.pop(name, None)
    return canonical(members)


def _shown(value: Any) -> str | None:
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    text = str(value).encode(errors="replace").decode()
    return text if len(text) <= ID_BYTES else None


def _library(draft: Draft | FactDraft | None) -> str | None:
    if not isinstance(draft, Draft):
        return None
    try:
        library = context_of(draft.context, Notes()).library
    except Refused:
        return None
    return None if library is None else library[:_LIBRARY]
