"""A slot's rows: loaded when the engine lacks them, written inside the ledger's transaction.

One query per table and batch for what is missing; COPY or pipelined upserts for what changed, sorted by key.

Source: HEALTH.md 2 and 12.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any, Final

from kizashi_common.contracts.ids import account_uuid
from kizashi_common.db.copying import Upsert
from kizashi_common.db.database import Database, driver_of
from kizashi_common.db.lines import Lines
from kizashi_common.db.tables import health as t
from kizashi_common.stream.dedupe import HOT_DAYS
from kizashi_common.stream.shapes import Claim, Wake
from kizashi_health import metrics
from kizashi_health.adapters.accounts import AccountReader, day_row
from kizashi_health.adapters.days import days_of
from kizashi_health.adapters.packing import pack_bitmap, pack_counts
from kizashi_health.adapters.workspaces import known_workspaces, stored_workspaces
from kizashi_health.domain.activity import DayRow
from kizashi_health.domain.calendar import Day, date_of, day_of
from kizashi_health.domain.fact import written
from kizashi_health.domain.score import MODEL
from kizashi_health.engine.contexts import Contexts
from kizashi_health.engine.engine import HealthEngine
from kizashi_health.engine.flush import Flush
from kizashi_health.engine.memory import ROWS_BACK, DayTotal, EngineSettings, Memory
from kizashi_health.engine.rows import AccountKey, Begun, Keys, Page, Rows, StoredWorkspace
from kizashi_health.engine.walks import REBUILD

SLOTS: Final = t.slots
"""The tables of the ledger."""

_ID_BYTES: Final = 16
_FIRST_DAY: Final = 1
_LINES: Final = 4
"""Slots that read rows side by side; nobody else writes the rows of a slot, so a read needs no snapshot."""


class HealthStore:
    """`stream.Store` of health."""

    def __init__(self, database: Database, settings: EngineSettings) -> None:
        self._database = database
        self._settings = settings
        self._lines = Lines(database, _LINES, "rows")
        self._reader = AccountReader()
        self._account = Upsert(
            t.account, ("bits_from", "active_bits", "next_user", "last_login_day", "stale_since", "unsent")
        )
        self._day = Upsert(t.account_day)
        self._user = Upsert(t.account_user, ("first_day", "last_day"))
        self._feature = Upsert(t.account_feature, ("first_day", "last_day"))
        self._name = Upsert(t.feature, ())
        self._fact = Upsert(t.fact, ())
        self._score_day = Upsert(t.account_score_day)
        self._card = Upsert(t.account_card)
        self._published = Upsert(t.account_score)
        self._slot_day = Upsert(t.slot_day)

    async def open(self, claim: Claim) -> HealthEngine:
        """The engine as of the claim's offset. Accounts come when they are needed; only stale ones come at once."""
        async with self._database.transaction(read_only=True) as connection:
            workspaces = await stored_workspaces(connection, await known_workspaces(connection))
            raw = await driver_of(connection)
            totals = await raw.fetch("SELECT * FROM health.slot_day WHERE slot = $1", claim.slot)
            secret = await raw.fetchval("SELECT dedupe_key FROM health.build WHERE state = 'active'")
            settings = replace(self._settings, secret=bytes(secret))
            memory = Memory(Contexts(workspaces), {_day_key(row): _total(row) for row in totals}, settings)
            through = claim.complete_through
            since = Day(_FIRST_DAY) if through is None else Day(through.toordinal() - ROWS_BACK)
            memory.load(await self._reader.stale(raw, claim.slot, since), since)
        return HealthEngine(claim, memory)

    async def wakes(self, claim: Claim) -> Sequence[Wake]:
        """The wake rows of this slot."""
        async with self._lines.lend() as raw:
            rows = await raw.fetch(
                "SELECT id, workspace_id, subject, why FROM health.wake WHERE slot = $1 ORDER BY id", claim.slot
            )
        return [Wake(row["id"], row["workspace_id"], row["subject"], row["why"]) for row in rows]

    async def read(self, claim: Claim, keys: Keys) -> Rows:
        """The rows that the engine lacks, as committed."""
        async with self._lines.lend() as raw:
            accounts = await self._reader.accounts(raw, claim.slot, keys.accounts, keys.since)
            pages: dict[Page, list[AccountKey]] = {}
            for page in keys.pages:
                read = await self._reader.page(raw, claim.slot, page, keys.since)
                pages[page] = list(read)
                accounts |= read
            days, ids = await self._days(raw, claim.slot, keys), await self._ids(raw, claim.slot, keys)
        workspaces, begun = await self._workspaces(keys)
        return Rows(accounts, days, ids, workspaces, begun, pages)

    async def _workspaces(self, keys: Keys) -> tuple[Mapping[str, StoredWorkspace], Mapping[tuple[str, Day], Begun]]:
        if not keys.workspaces:
            return {}, {}
        async with self._database.transaction() as connection:
            return await stored_workspaces(connection, keys.workspaces), await days_of(connection, keys.begun)

    async def _days(self, raw: Any, slot: int, keys: Keys) -> dict[tuple[AccountKey, Day], DayRow]:
        if not keys.days:
            return {}
        wanted = [(key, account_uuid(*key), day) for key, day in keys.days]
        rows = await raw.fetch(
            "SELECT d.* FROM health.account_day d JOIN unnest($2::uuid[], $3::date[]) AS w (account_id, day)"
            " USING (account_id, day) WHERE d.slot = $1",
            slot,
            [key_id for _, key_id, _ in wanted],
            [date_of(day) for _, _, day in wanted],
        )
        by_id = {key_id: key for key, key_id, _ in wanted}
        return {(by_id[row["account_id"]], day_of(row["day"])): day_row(row) for row in rows}

    async def _ids(self, raw: Any, slot: int, keys: Keys) -> dict[int, list[bytes]]:
        if not keys.id_days:
            return {}
        began = perf_counter()
        rows = await raw.fetch(
            "SELECT event_day, ids FROM health.dedupe_chunk WHERE slot = $1 AND event_day = ANY($2::date[])",
            slot,
            [date_of(Day(day)) for day in keys.id_days if day >= _FIRST_DAY],
        )
        found: dict[int, list[bytes]] = defaultdict(list)
        for row in rows:
            ids = row["ids"]
            found[day_of(row["event_day"])].extend(ids[i : i + _ID_BYTES] for i in range(0, len(ids), _ID_BYTES))
        if min(keys.id_days) <= keys.newest_day - HOT_DAYS:
            metrics.dedupe_cold_load_seconds.observe(perf_counter() - began)
        return found

    async def write(self, connection: Any, claim: Claim, flush: Flush) -> None:
        """Writes the flush; the ledger has done its own part and commits."""
        slot = claim.slot
        await self._write_activity(connection, slot, flush)
        await self._write_scores(connection, slot, flush)
        await self._write_ids(connection, claim, flush)
        if flush.wakes_done:
            await connection.execute("DELETE FROM health.wake WHERE id = ANY($1::bigint[])", flush.wakes_done)

    async def _write_activity(self, connection: Any, slot: int, flush: Flush) -> None:
        await self._account.write(
            connection,
            [
                (slot, row.id, row.key.workspace, row.key.external_id, date_of(row.named_day), _date(row.bits_from),
                 row.active_bits, row.next_user, _date(row.last_login_day), row.stale_since, row.unsent)
                for row in flush.accounts
            ],
        )  # fmt: skip
        await self._day.write(
            connection,
            [
                (slot, account, date_of(day), key.workspace, row.events, row.human, row.logins, row.anonymous,
                 pack_bitmap(row.users), pack_counts(row.feats), pack_counts(row.sources))
                for key, account, day, row in flush.days
            ],
        )  # fmt: skip
        await self._user.write(
            connection,
            [
                (slot, account, user.ord, key.workspace, user.user_id, date_of(user.first_day), date_of(user.last_day))
                for key, account, user in flush.users
            ],
        )
        await self._feature.write(
            connection,
            [
                (slot, account, feature, key.workspace, date_of(span.first_day), date_of(span.last_day))
                for key, account, feature, span in flush.features
            ],
        )
        names = {(key.workspace, feature): date_of(span.first_day) for key, _, feature, span in flush.features}
        await self._name.write(connection, [(*name, day) for name, day in names.items()])
        await self._slot_day.write(
            connection,
            [(slot, workspace, date_of(day), active, events) for workspace, day, active, events in flush.slot_days],
        )

    async def _write_scores(self, connection: Any, slot: int, flush: Flush) -> None:
        facts = {
            (row.key.workspace, row.id, row.name, row.entry, row.stated.at, row.stated.event_id): (
                json.dumps(written(row.stated.value)), row.known_at, row.origin, None,
            )
            for row in flush.facts
        }  # fmt: skip
        await self._fact.write(connection, [(*key, *value) for key, value in facts.items()])
        scores = {(row.id, row.day): row for row in flush.scores}
        await self._score_day.write(
            connection,
            [
                (row.key.workspace, row.id, date_of(row.day), MODEL, "published", row.score, row.band,
                 row.probability, row.evidence, row.calibration_id, json.dumps(dict(row.points)),
                 json.dumps(dict(row.signals)))
                for row in scores.values()
            ],
        )  # fmt: skip
        await self._card.write(connection, [tuple(card[name] for name in self._card.columns) for card in flush.cards])
        await self._published.write(
            connection,
            [
                (slot, account, key.workspace, published.seq, published.at, published.band, published.over_cut)
                for key, account, published in flush.published
            ],
        )

    async def _write_ids(self, connection: Any, claim: Claim, flush: Flush) -> None:
        if flush.ids:
            assert flush.at is not None
            written_on = flush.at.date()
            await connection.executemany(
                "INSERT INTO health.dedupe_chunk (slot, event_day, seq, written_on, ids) VALUES ($1, $2, $3, $4, $5)",
                [
                    (claim.slot, date_of(Day(day)), claim.flush_seq + 1, written_on, ids)
                    for day, ids in sorted(flush.ids.items())
                ],
            )

    async def log_replaced(self, connection: Any, claim: Claim) -> None:
        """Scores that rested in the old log alone are told once more; alerts ignores by number what it has."""
        await connection.execute(
            "INSERT INTO health.wake (slot, workspace_id, subject, why) VALUES ($1, '', '', $2)", claim.slot, REBUILD
        )


def _day_key(row: Any) -> tuple[str, Day]:
    return row["workspace_id"], day_of(row["day"])


def _total(row: Any) -> DayTotal:
    return DayTotal(row["active_accounts"], row["events"])


def _date(day: Day | None) -> Any:
    return None if day is None else date_of(day)
