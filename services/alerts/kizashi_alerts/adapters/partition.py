"""The rows behind the engine of one partition: cursors, conditions, imported pasts; and its flush.

A flush locks its subjects' cursor rows in sorted order, decides what becomes of their alerts on the latest state that
people left, and writes everything in the ledger's transaction.

Source: ALERTS.md 6 and 13; HEALTH.md 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from time import perf_counter
from typing import Any, Final

from kizashi_alerts.adapters.alerts import Alerts, message_key
from kizashi_alerts.domain.condition import Condition
from kizashi_alerts.domain.message import event_id, of_band
from kizashi_alerts.domain.settle import Desk, Happened
from kizashi_alerts.engine.engine import AlertsEngine, Keys, Rows, SubjectState
from kizashi_alerts.engine.flush import AlertsFlush, Cursor, News, SubjectKey
from kizashi_alerts.engine.judge import ConditionKey
from kizashi_alerts.engine.past import restored
from kizashi_common.contracts import alerts as contract
from kizashi_common.db.copying import Upsert
from kizashi_common.db.database import Database, driver_of
from kizashi_common.db.lines import Lines
from kizashi_common.db.tables import alerts as tables
from kizashi_common.expressions.verdict import Truth
from kizashi_common.stream.shapes import Claim, Wake
from kizashi_common.stream.shared_outbox import OutboxTables, Staged
from kizashi_common.telemetry.failpoints import failpoint

SLOTS: Final = tables.slots
OUTBOX: Final = OutboxTables(tables.event_outbox, tables.event_relay)

_MOST_WAKES: Final = 200
_SUBJECTS: Final = "FROM unnest($1::text[], $2::text[]) AS s (workspace_id, subject) JOIN"
_CURSORS: Final = f"SELECT c.* {_SUBJECTS} alerts.subject_cursor AS c USING (workspace_id, subject)"
_CONDITIONS: Final = f"SELECT c.* {_SUBJECTS} alerts.condition AS c USING (workspace_id, subject)"
_WAKES: Final = "SELECT id, workspace_id, subject, why FROM alerts.wake WHERE part = $1 ORDER BY id LIMIT $2"
_PASTS: Final = "SELECT id, body FROM alerts.wake WHERE id = ANY($1::bigint[]) AND body IS NOT NULL"
_WOKEN: Final = "DELETE FROM alerts.wake WHERE id = ANY($1::bigint[])"
_GONE: Final = """
DELETE FROM alerts.condition AS c USING unnest($1::text[], $2::text[], $3::text[], $4::text[])
    AS g (workspace_id, subject, rule_key, scope)
WHERE c.workspace_id = g.workspace_id AND c.subject = g.subject AND c.rule_key = g.rule_key AND c.scope = g.scope
"""


class Partition:
    """Implements `stream.shapes.Store`."""

    def __init__(self, database: Database, alerts: Alerts) -> None:
        self._database = database
        self._lines = Lines(database, 1, "rows")
        self._alerts = alerts
        self._cursors = Upsert(tables.subject_cursor)
        self._conditions = Upsert(tables.condition)

    async def open(self, claim: Claim) -> AlertsEngine:
        """An engine with empty memory: subjects come when their snapshots do."""
        return AlertsEngine(self._alerts.book, claim.next_offset, claim.partition, claim.partitions, perf_counter)

    async def wakes(self, claim: Claim) -> Sequence[Wake]:
        """Imported pasts that wait for this partition's owner."""
        async with self._lines.lend() as line:
            rows = await line.fetch(_WAKES, claim.partition, _MOST_WAKES)
        return [Wake(row["id"], row["workspace_id"], row["subject"], row["why"]) for row in rows]

    async def read(self, claim: Claim, keys: Keys) -> Rows:
        """Cursors and conditions of subjects, and the pasts of wakes."""
        workspaces, subjects = [key[0] for key in keys.subjects], [key[1] for key in keys.subjects]
        async with self._database.transaction() as transaction:
            connection = await driver_of(transaction)
            cursors = await connection.fetch(_CURSORS, workspaces, subjects)
            conditions = await connection.fetch(_CONDITIONS, workspaces, subjects)
            pasts = await connection.fetch(_PASTS, list(keys.wakes)) if keys.wakes else []
        found = {key: SubjectState() for key in keys.subjects}
        for row in cursors:
            cursor = Cursor(row["last_seq"], row["last_as_of"], row["last_band"], row["last_score"], row["moved_at"])
            found[(row["workspace_id"], row["subject"])].cursor = cursor
        for row in conditions:
            state = found[(row["workspace_id"], row["subject"])]
            state.conditions[(row["rule_key"], row["scope"])] = _condition(row)
        return Rows(found, {row["id"]: restored(row["body"]) for row in pasts})

    async def log_replaced(self, connection: Any, claim: Claim) -> None:
        """Nothing rests in the scores' log alone: health tells every account again each day, under rising numbers."""

    async def write(self, connection: Any, claim: Claim, flush: AlertsFlush) -> None:
        """Cursors first, since their row locks keep people out until the commit."""
        await self._cursors.write(
            connection,
            [
                (*key, cursor.seq, cursor.as_of, cursor.band, cursor.score, cursor.moved_at)
                for key, cursor in flush.cursors.items()
            ],
        )
        await self._write_conditions(connection, flush)
        failpoint("alerts.locked")
        if flush.news:
            await self._write_news(connection, flush)
        if flush.wakes_done:
            await connection.execute(_WOKEN, flush.wakes_done)

    async def _write_conditions(self, connection: Any, flush: AlertsFlush) -> None:
        rows = [_row(*key, one) for key, one in flush.conditions.items() if one is not None]
        await self._conditions.write(connection, rows)
        gone = [(*subject, *key) for (subject, key), one in flush.conditions.items() if one is None]
        if gone:
            await connection.execute(_GONE, *map(list, zip(*gone, strict=True)))

    async def _write_news(self, connection: Any, flush: AlertsFlush) -> None:
        subjects = sorted(flush.news)
        desks = await self._alerts.desks(connection, subjects)
        happened: list[Happened] = []
        bands: list[Staged] = []
        for subject in subjects:
            happened.extend(_settled(desks[subject], flush.news[subject]))
            bands.extend(_band(news) for news in flush.news[subject] if news.band_changed)
        await self._alerts.outbox.stage(connection, bands)
        await self._alerts.write(connection, happened)
        flush.happened = happened


def _settled(desk: Desk, news: Iterable[News]) -> list[Happened]:
    return [one for told in news for one in desk.settle(told.found, told.snapshot)]


def _band(news: News) -> Staged:
    snapshot = news.snapshot
    name = f"{snapshot.workspace}|{snapshot.about.key}"
    event = of_band(snapshot.workspace, snapshot.about, snapshot.score, snapshot.at)
    return Staged(
        id=event_id(name, news.seq),
        workspace=snapshot.workspace,
        object=name,
        number=news.seq,
        type=event.type,
        key=message_key(snapshot.workspace, snapshot.about),
        body=contract.encode(event),
        at=snapshot.at,
        due_at=snapshot.due_at,
        traceparent=snapshot.trace,
    )


def _condition(row: Any) -> Condition:
    return Condition(
        state=row["state"],
        held=timedelta(seconds=row["held_s"]),
        clear_held=timedelta(seconds=row["clear_held_s"]),
        evals=row["evals"],
        last_outcome=Truth(row["last_outcome"]),
        last_as_of=row["last_as_of"],
        unknown_since=row["unknown_since"],
        logic=row["logic"],
    )


def _row(subject: SubjectKey, key: ConditionKey, condition: Condition) -> tuple[Any, ...]:
    return (
        *subject,
        *key,
        condition.state,
        condition.held.total_seconds(),
        condition.clear_held.total_seconds(),
        condition.evals,
        condition.last_outcome.value,
        condition.last_as_of,
        condition.unknown_since,
        condition.logic,
    )
