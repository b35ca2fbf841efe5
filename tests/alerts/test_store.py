"""The flush on PostgreSQL: alerts, audit and messages in one transaction, always on the latest human state.

Source: ALERTS.md 6, 11 and 13.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from kizashi_common.contracts.commands.alerts import Acknowledge, Resolve
from kizashi_common.errors import Absent, Conflict, Fenced, StaleVersion
from tests.alerts.stage import BACK, SILENT, Stage
from tests.alerts.world import a_score
from tests.conftest import START


def a_day(number: int, signals: Any, **other: Any) -> Any:
    return a_score(number, START + timedelta(days=number), dict(signals), **other)


async def test_an_alert_its_audit_row_and_its_message_come_into_being_together(stage: Stage) -> None:
    await stage.tell(a_day(1, SILENT))
    alert = await stage.alert()
    assert (alert["workflow"], alert["condition"], alert["severity"]) == ("open", "active", "high")
    assert (alert["version"], alert["episode"], alert["owner"]) == (1, 1, "aiko@example.com")
    (audit,) = await stage.rows("SELECT * FROM alerts.alert_event")
    assert (audit["type"], audit["actor"], audit["number"]) == ("alert.opened", "system", 1)
    (event,) = await stage.relayed()
    assert event.type == "alert.opened"
    assert event.data.position == 1
    assert event.data.notify.reason == "opened"
    assert event.data.alert is not None
    assert event.data.alert.evidence == {"usage.missed_days": 6.0, "usage.silent_days": 9.0}
    assert event.data.alert.title == "Silent against its own rhythm"
    assert event.data.alert.recommended_actions[0] == "Read reasons and score diff"
    assert event.data.account is not None
    assert event.data.account.arr == {"amount": "4800000", "currency": "JPY"}
    assert event.data.links is not None
    assert event.data.links.console == f"https://console.example/a/{event.data.account.id}/alerts/{event.data.alert.id}"


async def test_conditions_survive_a_restart_and_inactive_ones_leave_no_row(stage: Stage) -> None:
    crossing = {"pulse.probability": 0.2, "pulse.cut": 0.1, "score.evidence": "ok", "account.lifecycle": "live"}
    await stage.tell(a_day(1, crossing))
    assert [row["state"] for row in await stage.rows("SELECT state FROM alerts.condition")] == ["pending"]
    await stage.open()
    await stage.tell(a_day(2, crossing))
    assert (await stage.alert("risk.pulse_crossing"))["severity"] == "high"
    await stage.tell(*(a_day(n, crossing | {"pulse.probability": 0.01}) for n in range(3, 8)))
    assert await stage.rows("SELECT * FROM alerts.condition") == []
    assert (await stage.alert("risk.pulse_crossing"))["resolution"] == "auto"


async def test_the_same_snapshots_again_change_nothing(stage: Stage) -> None:
    days = [a_day(1, SILENT), a_day(2, SILENT), a_day(3, BACK), a_day(4, BACK)]
    await stage.tell(*days)
    before = await stage.rows("SELECT * FROM alerts.alert"), await stage.rows("SELECT * FROM alerts.alert_event")
    await stage.open()
    await stage.tell(*days)
    after = await stage.rows("SELECT * FROM alerts.alert"), await stage.rows("SELECT * FROM alerts.alert_event")
    assert before == after
    (slot,) = await stage.rows("SELECT applied, duplicates FROM alerts.consumer_slot")
    assert (slot["applied"], slot["duplicates"]) == (4, 4)


async def test_a_person_acknowledges_and_the_engine_later_only_marks_it_cleared(stage: Stage) -> None:
    await stage.tell(a_day(1, SILENT))
    alert = await stage.alert()
    changed = (await stage.act.acknowledge(stage.wish(alert, 1), Acknowledge(note="calling"))).alert
    assert (changed.workflow, changed.version, changed.acknowledged_by) == ("acknowledged", 2, "mem_aiko")
    await stage.tell(a_day(2, BACK), a_day(3, BACK))
    alert = await stage.alert()
    assert (alert["workflow"], alert["condition"], alert["closed_at"]) == ("acknowledged", "cleared", None)
    assert alert["note"] == "calling"
    resolved = (await stage.act.resolve(stage.wish(alert, alert["version"]), Resolve(feedback="useful"))).alert
    assert (resolved.workflow, resolved.resolution) == ("resolved", "person")
    types = [event.type.removeprefix("alert.") for event in await stage.relayed()]
    assert types == ["opened", "acknowledged", "condition_cleared", "resolved"]


async def test_a_wish_on_an_old_version_is_refused_with_the_current_one(stage: Stage) -> None:
    await stage.tell(a_day(1, SILENT))
    alert = await stage.alert()
    await stage.act.acknowledge(stage.wish(alert, 1), Acknowledge())
    with pytest.raises(StaleVersion) as refused:
        await stage.act.resolve(stage.wish(alert, 1), Resolve(feedback="useful"))
    assert refused.value.current["version"] == 2
    again = (await stage.act.acknowledge(stage.wish(alert, 1), Acknowledge())).alert
    assert again.version == 2, "the same person again is the same answer"


async def test_a_resolved_alert_takes_no_wish_any_more(stage: Stage) -> None:
    await stage.tell(a_day(1, SILENT))
    alert = await stage.alert()
    await stage.act.resolve(stage.wish(alert), Resolve(feedback="wrong"))
    with pytest.raises(Conflict) as refused:
        await stage.act.acknowledge(stage.wish(alert), Acknowledge())
    assert refused.value.reason == "already_resolved"


async def test_an_earlier_episode_is_resolved_and_not_absent(stage: Stage) -> None:
    await stage.tell(a_score(1, stage.clock(), dict(SILENT)))
    first = await stage.alert()
    await stage.act.resolve(stage.wish(first), Resolve(feedback="useful"))
    stage.later(days=20)
    await stage.tell(a_score(2, stage.clock(), dict(SILENT)))
    with pytest.raises(Conflict) as refused:
        await stage.act.acknowledge(stage.wish(first), Acknowledge())
    assert refused.value.reason == "already_resolved"


async def test_a_further_note_of_the_same_person_is_kept_and_is_no_news(stage: Stage) -> None:
    await stage.tell(a_score(1, stage.clock(), dict(SILENT)))
    alert = await stage.alert()
    await stage.act.acknowledge(stage.wish(alert, 1), Acknowledge())
    events = len(await stage.rows("SELECT 1 FROM alerts.event_outbox"))
    said = (await stage.act.acknowledge(stage.wish(alert, 2), Acknowledge(note="on holiday"))).alert
    assert ((await stage.alert())["note"], said.version) == ("on holiday", 3)
    assert len(await stage.rows("SELECT 1 FROM alerts.event_outbox")) == events


async def test_a_foreign_workspace_cannot_act_on_an_alert(stage: Stage) -> None:
    await stage.tell(a_day(1, SILENT))
    alert = await stage.alert()
    with pytest.raises(Absent):
        await stage.act.acknowledge(stage.wish(alert, None, workspace="other"), Acknowledge())
    with pytest.raises(Absent):
        await stage.act.resolve(stage.wish(alert, None, workspace="other"), Resolve(feedback="wrong"))
    assert (await stage.alert())["version"] == 1


async def test_a_flush_that_comes_while_a_person_acts_waits_and_sees_what_was_decided(stage: Stage) -> None:
    await stage.tell(a_day(1, SILENT))
    alert = await stage.alert()
    other = await stage.database.connect()
    held = other.transaction()
    await held.start()
    await other.execute("SELECT 1 FROM alerts.subject_cursor FOR UPDATE")
    flushing = asyncio.ensure_future(stage.tell(a_day(2, BACK), a_day(3, BACK)))
    acting = asyncio.ensure_future(stage.act.acknowledge(stage.wish(alert), Acknowledge()))
    done, _ = await asyncio.wait({flushing, acting}, timeout=0.3)
    assert not done, "somebody did not wait for the lock"
    await held.rollback()
    await other.close()
    results = await asyncio.gather(flushing, acting, return_exceptions=True)
    alert = await stage.alert()
    if isinstance(results[1], Conflict):
        assert (alert["workflow"], alert["resolution"]) == ("resolved", "auto")
    else:
        assert (alert["workflow"], alert["condition"]) == ("acknowledged", "cleared")
    audit = await stage.rows("SELECT number FROM alerts.alert_event ORDER BY number")
    assert len({row["number"] for row in audit}) == len(audit)


async def test_a_zombie_owner_is_fenced_and_writes_nothing(stage: Stage) -> None:
    zombie_claim, zombie_engine = stage.claim, stage.engine
    await stage.open()
    stage.claim, stage.engine = zombie_claim, zombie_engine
    with pytest.raises(Fenced):
        await stage.tell(a_day(1, SILENT))
    assert await stage.rows("SELECT * FROM alerts.alert") == []


async def test_many_subjects_in_one_flush_each_get_their_own_alert(stage: Stage) -> None:
    await stage.tell(*(a_day(1, SILENT, external_id=f"acme-{n}") for n in range(120)))
    await stage.tell(*(a_day(2, BACK, external_id=f"acme-{n}") for n in range(120)))
    await stage.tell(*(a_day(3, BACK, external_id=f"acme-{n}") for n in range(120)))
    rows = await stage.rows("SELECT resolution, count(*) AS n FROM alerts.alert GROUP BY resolution")
    assert [(row["resolution"], row["n"]) for row in rows] == [("auto", 120)]
    events = await stage.relayed()
    assert [event.data.position for event in events] == list(range(1, 241))


async def test_what_cannot_be_a_snapshot_is_set_aside_and_its_neighbours_are_judged(stage: Stage) -> None:
    from kizashi_common.contracts.envelope import Record
    from kizashi_common.stream.shapes import Records
    from tests.alerts.world import a_record

    good = a_record(a_day(1, SILENT), 3)
    bad = [
        Record("kizashi.scores.v1", 0, 0, START, good.key, b"not json"),
        Record("kizashi.scores.v1", 0, 1, START, good.key, b'{"workspace": 4}'),
        good._replace(offset=2, key=b"demo|a:other"),
    ]
    await stage.step(Records([*bad, good]))
    letters = await stage.rows("SELECT off, code FROM alerts.dead_letter ORDER BY off")
    assert [(row["off"], row["code"]) for row in letters] == [(0, "decode"), (1, "schema"), (2, "schema")]
    assert (await stage.alert())["workflow"] == "open"


async def test_a_score_that_changes_its_band_is_an_event_once(stage: Stage) -> None:
    await stage.tell(a_day(1, {}, band="good", score=80.0), a_day(2, {}, band="watch", score=55.0))
    await stage.tell(a_day(3, {}, band="watch", score=52.0), a_day(4, {}, band="risk", reason="model_change"))
    (event,) = await stage.relayed()
    assert event.type == "score.band_changed"
    assert event.data.score is not None
    assert (event.data.score.band, event.data.score.value) == ("watch", 55.0)
    await stage.tell(a_day(5, {}, band="risk"))
    assert len(await stage.relayed()) == 1, "a new model is not news, and what it said is the new baseline"


async def test_an_event_keeps_its_position_and_is_sent_again_when_the_broker_was_away(stage: Stage) -> None:
    from kizashi_common.errors import Busy

    await stage.tell(a_day(1, SILENT))
    stage.bus.broken = True
    with pytest.raises(Busy):
        await stage.relayed()
    (row,) = await stage.rows("SELECT position FROM alerts.event_outbox")
    assert row["position"] == 1
    await stage.tell(a_day(1, SILENT, external_id="second"))
    stage.bus.broken = False
    events = await stage.relayed()
    assert [event.data.position for event in events] == [1, 2]
    assert await stage.rows("SELECT * FROM alerts.event_outbox") == []
    assert len({record.headers[1] for record in stage.bus.records("kizashi.alerts.v1")}) == 2


async def test_a_writer_that_commits_late_is_late_and_not_lost(stage: Stage) -> None:
    from kizashi_common.stream.shared_outbox import Staged

    outbox = stage.alerts.outbox
    slow, fast = await stage.database.connect(), await stage.database.connect()
    body = (await _a_body(stage)).encode()

    def staged(name: str) -> Staged:
        return Staged(f"evt_{name}", "demo", name, 1, "alert.opened", b"demo|a:x", body, START)

    late = slow.transaction()
    await late.start()
    await outbox.stage(slow, [staged("late")])
    async with fast.transaction():
        await outbox.stage(fast, [staged("early")])
    assert len(await stage.relayed()) == 1
    await late.commit()
    assert [event.data.position for event in await stage.relayed()] == [1, 2]
    await slow.close()
    await fast.close()


async def _a_body(stage: Stage) -> str:
    from kizashi_alerts.domain.message import ping
    from kizashi_common.contracts.alerts import encode

    return encode(ping("demo", stage.clock())).decode()
