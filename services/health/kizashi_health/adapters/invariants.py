"""What must hold of the ledger at every instant, asked in one snapshot and cheap enough to be asked each minute.

Whatever grows with the past is read from a mark on: flushes, and the ids that they remembered. The day rows have no
such order, so those of one partition are added up now and then. What each costs stands in decision record 0032.

Source: HEALTH.md 14, I1 to I3 and I6; OPERATIONS.md 5, `invariant_violations_total`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from kizashi_common.db.database import driver_of
from kizashi_health.adapters.progress import BUILD

_ID_BYTES: Final = 16
_BACK: Final = 1_000
"""Flushes of the past that the first look of an owner takes in."""
_AHEAD: Final = timedelta(minutes=1)
"""How far clocks may be apart before a proof that lies in the future is no proof."""
_EARLIEST_ZONE: Final = timedelta(hours=14)

_SLOTS: Final = "SELECT * FROM health.consumer_slot WHERE slot = ANY($1::int[])"
_DAYS: Final = "SELECT slot, sum(events) AS events FROM health.slot_day WHERE slot = ANY($1::int[]) GROUP BY slot"
_ROWS: Final = "SELECT coalesce(sum(events), 0) FROM health.account_day WHERE slot = $1"
_CHAIN: Final = """
SELECT slot, min(after) AS after, max(flush_seq) AS last, sum(n_new) FILTER (WHERE flush_seq > after) AS counted,
  (array_agg(to_off ORDER BY flush_seq DESC))[1] AS ended,
  (array_agg(incarnation ORDER BY flush_seq DESC))[1] AS incarnation,
  count(*) FILTER (WHERE n_new + n_dup + n_dead + n_park + n_ctl <> to_off - from_off
    OR flush_seq <> seq_before + 1 OR epoch < epoch_before
    OR (incarnation = incarnation_before AND from_off <> off_before)) AS broken
FROM (
  SELECT f.*, m.after, lag(flush_seq) OVER w AS seq_before, lag(epoch) OVER w AS epoch_before,
    lag(incarnation) OVER w AS incarnation_before, lag(to_off) OVER w AS off_before
  FROM unnest($1::int[], $2::bigint[]) AS m (slot, after)
  JOIN health.flush_log f ON f.slot = m.slot AND f.flush_seq >= m.after
  WINDOW w AS (PARTITION BY f.slot ORDER BY f.flush_seq)
) AS links GROUP BY slot
"""
_IDS: Final = """
WITH RECURSIVE days AS (
  (SELECT event_day FROM health.dedupe_chunk WHERE slot = $1 ORDER BY event_day LIMIT 1)
  UNION ALL
  SELECT (SELECT c.event_day FROM health.dedupe_chunk c
    WHERE c.slot = $1 AND c.event_day > days.event_day ORDER BY c.event_day LIMIT 1)
  FROM days WHERE days.event_day IS NOT NULL
)
SELECT coalesce(sum(length(c.ids)), 0) FROM days
JOIN health.dedupe_chunk c ON c.slot = $1 AND c.event_day = days.event_day AND c.seq > $2 AND c.seq <= $3
"""
_BEGUN: Final = "SELECT max(day) FROM health.workspace_day WHERE build_id = $1"
_PROVED: Final = "SELECT max(complete_through) FROM health.consumer_slot"
_BANDS: Final = """
SELECT c.band, c.evidence = 'low' AS is_low, count(*) AS accounts FROM health.account a
JOIN health.account_card c ON c.workspace_id = a.workspace_id AND c.account_id = a.account_id
WHERE a.slot = ANY($1::int[]) GROUP BY 1, 2
"""


class Mark(NamedTuple):
    """How far a slot was found in order."""

    flush_seq: int
    through: datetime | None


class Finding(NamedTuple):
    """What is broken, of which slot, in words."""

    invariant: str
    slot: int
    detail: str


class Look(NamedTuple):
    """What one look found, and from where the next one reads on."""

    findings: list[Finding]
    marks: dict[int, Mark]


async def look(
    connection: AsyncConnection, slots: Sequence[int], marks: Mapping[int, Mark], whole: int | None, now: datetime
) -> Look:
    """Asks about these slots within the connection's snapshot; `whole` is the one whose day rows are added up too."""
    raw = await driver_of(connection)
    rows = {row["slot"]: row for row in await raw.fetch(_SLOTS, list(slots))}
    findings = [finding for row in rows.values() for finding in _offsets(row)]
    findings += await _sums(raw, rows, whole)
    findings += await _flushes(raw, rows, marks)
    findings += await _complete(raw, rows, marks, now)
    return Look(findings, {slot: Mark(row["flush_seq"], row["complete_through"]) for slot, row in rows.items()})


def _offsets(row: Any) -> list[Finding]:
    decided = row["applied"] + row["duplicates"] + row["dead_lettered"] + row["parked"] + row["control"]
    seen = row["next_offset"] - row["first_offset"]
    return [] if seen == decided else [Finding("offsets", row["slot"], f"{seen} offsets seen, {decided} decided")]


async def _sums(raw: Any, rows: Mapping[int, Any], whole: int | None) -> list[Finding]:
    days = {row["slot"]: int(row["events"]) for row in await raw.fetch(_DAYS, list(rows))}
    findings = [
        Finding("sums", slot, f"{row['applied']} events applied, {days.get(slot, 0)} in the days of its workspaces")
        for slot, row in rows.items()
        if row["applied"] != days.get(slot, 0)
    ]
    if whole is not None and whole in rows:
        events, applied = int(await raw.fetchval(_ROWS, whole)), rows[whole]["applied"]
        if events != applied:
            findings.append(Finding("sums", whole, f"{applied} events applied, {events} in the days of its accounts"))
    return findings


async def _flushes(raw: Any, rows: Mapping[int, Any], marks: Mapping[int, Mark]) -> list[Finding]:
    after = {slot: _from(row, marks.get(slot)) for slot, row in rows.items()}
    found = {row["slot"]: row for row in await raw.fetch(_CHAIN, list(after), list(after.values()))}
    findings: list[Finding] = []
    for slot, row in rows.items():
        if not row["flush_seq"]:
            continue
        chain = found.get(slot)
        findings += _links(row, chain)
        if chain is not None:
            ids = int(await raw.fetchval(_IDS, slot, after[slot], row["flush_seq"])) / _ID_BYTES
            counted = int(chain["counted"] or 0)
            if ids != counted:
                findings.append(Finding("sums", slot, f"{counted} events counted since, {ids:g} ids remembered"))
    return findings


def _from(row: Any, mark: Mark | None) -> int:
    return max(0, int(row["flush_seq"]) - _BACK) if mark is None else mark.flush_seq


def _links(row: Any, chain: Any) -> list[Finding]:
    slot = row["slot"]
    if chain is None or chain["last"] != row["flush_seq"]:
        last = None if chain is None else chain["last"]
        return [Finding("chain", slot, f"it is at flush {row['flush_seq']}, its log at {last}")]
    if chain["broken"]:
        return [Finding("chain", slot, f"{chain['broken']} flushes do not continue the one before")]
    if chain["incarnation"] == row["incarnation"] and chain["ended"] != row["next_offset"]:
        return [Finding("chain", slot, f"it is at offset {row['next_offset']}, its log ends at {chain['ended']}")]
    return []


async def _complete(raw: Any, rows: Mapping[int, Any], marks: Mapping[int, Mark], now: datetime) -> list[Finding]:
    findings = [
        Finding("complete", slot, why)
        for slot, row in rows.items()
        for why in _proof(row["complete_through"], marks.get(slot), now)
    ]
    begun, proved = await raw.fetchval(_BEGUN, BUILD), await raw.fetchval(_PROVED)
    if begun is not None and (proved is None or _first_instant(begun) > proved):
        findings.append(Finding("complete", 0, f"day {begun} has begun, the latest proof is {proved}"))
    return findings


def _proof(through: datetime | None, mark: Mark | None, now: datetime) -> list[str]:
    if through is not None and through > now + _AHEAD:
        return [f"it is proved until {through}, which is to come"]
    if mark is not None and mark.through is not None and (through is None or through < mark.through):
        return [f"its proof fell from {mark.through} to {through}"]
    return []


def _first_instant(day: date) -> datetime:
    """When a day begins first, anywhere."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - _EARLIEST_ZONE


class Standings(NamedTuple):
    """Scored accounts by band, and how many of all rest on little."""

    bands: dict[str | None, int]
    low_evidence: int


async def standings(connection: AsyncConnection, slots: Sequence[int]) -> Standings:
    """What people see of the accounts of these slots."""
    bands: dict[str | None, int] = {}
    low = 0
    for row in await (await driver_of(connection)).fetch(_BANDS, list(slots)):
        bands[row["band"]] = bands.get(row["band"], 0) + row["accounts"]
        low += row["accounts"] if row["is_low"] else 0
    return Standings(bands, low)
