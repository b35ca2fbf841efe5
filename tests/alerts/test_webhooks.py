"""Webhooks from the alert to a receiver that verifies them with the published library.

Source: ALERTS.md 11.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from kizashi_common.contracts.commands.alerts import EndpointRequest
from kizashi_common.contracts.ids import parsed
from kizashi_common.errors import Absent, Conflict, Invalid, StaleVersion
from tests.alerts.receiver import Receiver, Says, receiving
from tests.alerts.stage import BACK, SILENT, Stage
from tests.alerts.world import a_score
from tests.conftest import START
from tests.counted import Growth


async def an_endpoint(
    stage: Stage, receiver: Receiver, query: str = "", *, workspace: str = "demo", **asked: Any
) -> tuple[UUID, str]:
    """An endpoint's id and secret."""
    made = await stage.manage.create(workspace, "mem_aiko", EndpointRequest(url=receiver.url + query, **asked))
    assert made.secret is not None
    return parsed("whe", made.id), made.secret


async def an_alert(stage: Stage, number: int = 1, signals: Any = SILENT, **other: Any) -> None:
    await stage.tell(a_score(number, START + timedelta(days=number), dict(signals), **other))
    await stage.relayed()


async def deliveries(stage: Stage) -> list[tuple[str, int]]:
    rows = await stage.rows("SELECT state, attempt_no FROM alerts.delivery ORDER BY created_at, id")
    return [(row["state"], row["attempt_no"]) for row in rows]


def verified(receiver: Receiver, secret: str, index: int = -1) -> Any:
    """The body, if its signature is right. The library holds the time against its own clock, so it signs here."""
    got = receiver.got[index]
    at = int(got.headers["webhook-timestamp"])
    from datetime import UTC, datetime

    expected = Webhook(secret).sign(got.headers["webhook-id"], datetime.fromtimestamp(at, UTC), got.body.decode())
    if expected not in got.headers["webhook-signature"].split(" "):
        raise WebhookVerificationError("no matching signature")
    return json.loads(got.body)


async def test_an_alert_reaches_its_receiver_signed(stage: Stage) -> None:
    async with receiving() as receiver:
        _, secret = await an_endpoint(stage, receiver)
        await an_alert(stage)
        assert await stage.deliver.turn(first=True) == 1
        body = verified(receiver, secret)
        assert (body["type"], body["data"]["position"]) == ("alert.opened", 1)
        assert body["data"]["alert"]["rule"] == "risk.silence"
        assert body["data"]["notify"] == {"decision": "send", "reason": "opened"}
        assert len(receiver.got[0].body) < 20_000
        headers = receiver.got[0].headers
        assert (headers["content-type"], headers["user-agent"]) == ("application/json", "Kizashi/1.0")
        assert headers["webhook-id"].startswith("evt_")
        assert headers["webhook-timestamp"] == str(int(stage.clock().timestamp()))
        with pytest.raises(WebhookVerificationError):
            verified(receiver, "whsec_" + "QUJD" * 8)
        assert await deliveries(stage) == [("delivered", 1)]
        assert await stage.deliver.turn(first=True) == 0


async def test_the_published_library_verifies_a_delivery_of_now(stage: Stage) -> None:
    from datetime import UTC, datetime

    stage.clock.at = datetime.now(UTC)
    async with receiving() as receiver:
        endpoint, secret = await an_endpoint(stage, receiver)
        await stage.manage.test("demo", endpoint)
        await stage.deliver.turn(first=True)
        got = receiver.got[0]
        assert Webhook(secret).verify(got.body, got.headers)["type"] == "endpoint.ping"


async def test_a_failing_receiver_is_met_again_on_schedule_with_the_same_id_and_a_new_time(stage: Stage) -> None:
    async with receiving(Says(500), Says(500), Says(500)) as receiver:
        _, secret = await an_endpoint(stage, receiver)
        await an_alert(stage)
        await stage.deliver.turn(first=True)
        assert await deliveries(stage) == [("waiting", 1)]
        assert await stage.deliver.turn(first=False) == 0, "not yet due"
        for wait in (7, 400, 2200):
            stage.later(seconds=wait)
            assert await stage.deliver.turn(first=False) == 1
        assert await deliveries(stage) == [("delivered", 4)]
        assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
        assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 4
        assert len({got.body for got in receiver.got}) == 1
        for index in range(4):
            verified(receiver, secret, index)
        attempts = await stage.rows("SELECT number, status FROM alerts.attempt ORDER BY number")
        assert [tuple(row) for row in attempts] == [(1, 500), (2, 500), (3, 500), (4, 200)]


async def test_429_with_a_year_of_retry_after_slows_us_within_twice_the_schedule(stage: Stage) -> None:
    async with receiving(Says(429, (("retry-after", "31536000"),))) as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        before = stage.clock()
        await stage.deliver.turn(first=True)
        (row,) = await stage.rows("SELECT next_at FROM alerts.delivery")
        assert row["next_at"] - before == timedelta(seconds=60)


async def test_ten_failures_are_a_dead_letter(stage: Stage) -> None:
    async with receiving(*([Says(503)] * 10)) as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        await stage.deliver.turn(first=True)
        for _ in range(9):
            stage.later(hours=30)
            await stage.deliver.turn(first=False)
        assert await deliveries(stage) == [("exhausted", 10)]
        stage.later(days=30)
        assert await stage.deliver.turn(first=False) == 0


async def test_410_disables_the_endpoint_at_once_and_parks_what_waits(stage: Stage) -> None:
    async with receiving(Says(410, body=b"bye\x00")) as receiver:
        endpoint, _ = await an_endpoint(stage, receiver)
        await an_alert(stage)
        await stage.deliver.turn(first=True)
        await an_alert(stage, 2, SILENT, external_id="second")
        assert await deliveries(stage) == [("rejected", 1)]
        assert not (await stage.manage.get("demo", endpoint)).enabled
        with pytest.raises(Conflict):
            await stage.manage.test("demo", endpoint)
        (attempt,) = await stage.rows("SELECT * FROM alerts.attempt")
        assert (attempt["status"], attempt["response"]) == (410, "bye")


async def test_a_redirect_is_a_failure(stage: Stage) -> None:
    async with receiving(Says(302, (("location", "http://169.254.169.254/"),))) as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        await stage.deliver.turn(first=True)
        assert await deliveries(stage) == [("waiting", 1)]
        assert len(receiver.got) == 1


async def test_a_dead_endpoint_does_not_delay_the_other(stage: Stage) -> None:
    async with receiving(Says(hang=True)) as dead, receiving() as alive:
        await an_endpoint(stage, dead)
        await an_endpoint(stage, alive)
        await an_alert(stage)
        import asyncio

        working = asyncio.ensure_future(stage.deliver.run(first=True, poll=timedelta(milliseconds=10)))
        try:
            async with asyncio.timeout(10):
                while not any(state == "delivered" for state, _ in await deliveries(stage)):
                    await asyncio.sleep(0.01)
        finally:
            dead.released.set()
            working.cancel()
            await asyncio.wait([working])
        assert len(alive.got) == 1


async def test_a_lease_that_runs_out_after_a_crash_is_taken_again_with_the_same_id(stage: Stage) -> None:
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        (leased,) = await stage.lease(first=True, most=10)
        assert await stage.deliver.turn(first=True) == 0, "it is in somebody's hands"
        stage.later(seconds=51)
        assert await stage.deliver.turn(first=True) == 1
        assert receiver.got[0].headers["webhook-id"] == leased.event_id
        assert await deliveries(stage) == [("delivered", 1)]


async def test_two_workers_never_hold_the_same_delivery(stage: Stage) -> None:
    import asyncio

    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await stage.tell(*(a_score(1, START, dict(SILENT), external_id=f"a{n}") for n in range(8)))
        await stage.relayed()
        held = await asyncio.gather(*(stage.lease(first=True, most=3) for _ in range(4)))
        ids = [one.id for batch in held for one in batch]
        assert len(ids) == len(set(ids))
        assert len(await stage.lease(first=True, most=99)) + len(ids) <= 8


async def test_four_are_in_flight_to_one_endpoint_at_most(stage: Stage) -> None:
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await stage.tell(*(a_score(1, START, dict(SILENT), external_id=f"a{n}") for n in range(8)))
        await stage.relayed()
        assert len(await stage.lease(first=True, most=99)) == 4
        assert await stage.lease(first=True, most=99) == []


async def test_the_places_of_an_endpoint_are_those_of_first_attempts_and_retries_together(stage: Stage) -> None:
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await stage.tell(*(a_score(1, START, dict(SILENT), external_id=f"a{n}") for n in range(8)))
        await stage.relayed()
        await stage.rows(
            "UPDATE alerts.delivery SET attempt_no = 1, state = 'waiting'"
            " WHERE id IN (SELECT id FROM alerts.delivery ORDER BY id LIMIT 4)"
        )
        taken = await asyncio.gather(*(stage.lease(first=first) for first in (True, False) * 4))
        assert sum(map(len, taken)) == 4


async def test_a_workspace_whose_receivers_hang_takes_half_of_the_places(stage: Stage) -> None:
    async with receiving() as receiver:
        for n in range(8):
            await an_endpoint(stage, receiver, f"?{n}", workspace="greedy")
        await an_endpoint(stage, receiver)
        many = [a_score(1, START, dict(SILENT), external_id=f"a{n}", workspace="greedy") for n in range(4)]
        await stage.tell(*many, a_score(1, START, dict(SILENT)))
        await stage.relayed()
        await stage.rows(
            "UPDATE alerts.delivery SET next_at = next_at - interval '1 hour' WHERE workspace_id = 'greedy'"
        )
        taken = await stage.lease(most=32, share=16)
        assert Counter(one.workspace for one in taken) == {"greedy": 16, "demo": 1}
        assert Counter(one.endpoint_id for one in taken if one.workspace == "greedy").most_common()[0][1] == 2
        assert await stage.lease(most=15, share=16) == []


async def test_what_is_being_parked_is_not_leased_and_holds_up_nobody(stage: Stage) -> None:
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        await an_endpoint(stage, receiver, "?other", workspace="other")
        await an_alert(stage, workspace="other")
        connection = await stage.database.connect()
        async with connection.transaction():
            await connection.execute("UPDATE alerts.endpoint SET state = 'disabled' WHERE workspace_id = 'demo'")
            await connection.execute(
                "UPDATE alerts.delivery SET state = 'parked', next_at = NULL WHERE workspace_id = 'demo'"
            )
            async with asyncio.timeout(5):
                assert [one.workspace for one in await stage.lease()] == ["other"]
        await connection.close()
        assert await stage.lease() == []
    assert sorted(state for state, _ in await deliveries(stage)) == ["leased", "parked"]


async def test_what_is_parked_instead_of_sent_is_counted(stage: Stage) -> None:
    parked = Growth("alerts_deliveries_total", channel="webhook", outcome="parked")
    async with receiving() as receiver:
        endpoint, _ = await an_endpoint(stage, receiver)
        await an_alert(stage)
        await stage.lease()
        await stage.endpoints.disable("demo", endpoint, "gone")
        stage.later(seconds=51)
        assert await stage.deliver.turn(first=True) == 0
        assert parked() == 1


async def test_an_endpoint_gets_the_types_that_it_chose_and_its_own_workspace_alone(stage: Stage) -> None:
    async with receiving() as receiver, receiving() as foreign:
        await an_endpoint(stage, receiver, events=("alert.resolved",))
        await an_endpoint(stage, foreign, workspace="other")
        await an_alert(stage)
        await an_alert(stage, 2, BACK)
        await an_alert(stage, 3, BACK)
        await stage.deliver.turn(first=True)
        assert [json.loads(got.body)["type"] for got in receiver.got] == ["alert.resolved"]
        assert foreign.got == []


async def test_a_secret_is_shown_once_and_rests_sealed(stage: Stage) -> None:
    async with receiving() as receiver:
        _, secret = await an_endpoint(stage, receiver, description="CRM")
        (listed,) = (await stage.manage.list("demo")).results
        assert (listed.secret, listed.description, listed.enabled) == (None, "CRM", True)
        (row,) = await stage.rows("SELECT * FROM alerts.secret")
        assert secret.encode() not in row["ciphertext"]
        assert len(secret) == len("whsec_") + 44


async def test_after_a_rotation_both_signatures_are_valid(stage: Stage) -> None:
    async with receiving() as receiver:
        endpoint, old = await an_endpoint(stage, receiver)
        await stage.rows("UPDATE alerts.secret SET expires_at = $1", stage.clock() + timedelta(hours=24))
        other, new = await an_endpoint(stage, receiver)
        await stage.rows("UPDATE alerts.secret SET endpoint_id = $1 WHERE endpoint_id = $2", endpoint, other)
        await stage.manage.test("demo", endpoint)
        await stage.deliver.turn(first=True)
        verified(receiver, old)
        verified(receiver, new)
        stage.later(hours=25)
        await stage.manage.test("demo", endpoint)
        await stage.deliver.turn(first=True)
        verified(receiver, new)
        with pytest.raises(WebhookVerificationError):
            verified(receiver, old)


async def test_an_address_outside_the_allow_list_is_refused_when_it_is_typed_and_when_it_is_sent_to(
    stage: Stage,
) -> None:
    with pytest.raises(Invalid) as refused:
        await stage.manage.create("demo", "mem_aiko", EndpointRequest(url="https://10.0.0.1/hook"))
    assert (refused.value.faults[0].pointer, refused.value.faults[0].code) == ("/url", "blocked_address")
    async with receiving() as receiver:
        await an_endpoint(stage, receiver)
        await stage.rows("UPDATE alerts.endpoint SET url = 'http://169.254.169.254/x'")
        await an_alert(stage)
        await stage.deliver.turn(first=True)
        (attempt,) = await stage.rows("SELECT * FROM alerts.attempt")
        assert (attempt["error"], attempt["status"], receiver.got) == ("blocked address", None, [])


async def test_a_deleted_endpoint_is_sent_nothing_and_its_secret_is_gone(stage: Stage) -> None:
    async with receiving() as receiver:
        endpoint, _ = await an_endpoint(stage, receiver)
        await an_alert(stage)
        with pytest.raises(StaleVersion):
            await stage.manage.delete("demo", endpoint, 7)
        with pytest.raises(Absent):
            await stage.manage.delete("other", endpoint, None)
        await stage.manage.delete("demo", endpoint, 1)
        assert await stage.deliver.turn(first=True) == 0
        assert await deliveries(stage) == [("parked", 0)]
        assert (await stage.manage.list("demo")).results == ()
        assert await stage.rows("SELECT * FROM alerts.secret") == []
        with pytest.raises(Absent):
            await stage.manage.get("demo", endpoint)


@pytest.mark.parametrize(
    "wish", ["Fri, 31 Dec 9999 23:59:59 -0100", "Fri, 27 Nov 2026 10:00:00 +99999999999999999999", "soon", "-1"]
)
async def test_whatever_a_receiver_asks_for_its_delivery_alone_fails(stage: Stage, wish: str) -> None:
    async with receiving(Says(503, (("retry-after", wish),))) as receiver:
        await an_endpoint(stage, receiver)
        await an_alert(stage)
        assert await stage.deliver.turn(first=True) == 1
    assert [(row["state"], row["attempt_no"]) for row in await stage.rows("SELECT * FROM alerts.delivery")] == [
        ("waiting", 1)
    ]


async def test_a_name_beyond_ascii_travels_as_idna(stage: Stage) -> None:
    async with receiving() as receiver:
        asked = EndpointRequest(url=receiver.url.replace("127.0.0.1", "\uff4cocalhost"))
        await stage.manage.create("demo", "mem_aiko", asked)
        await an_alert(stage)
        await stage.deliver.turn(first=True)
        assert receiver.got[0].headers["host"].startswith("localhost:")


async def test_an_endpoint_deleted_during_an_attempt_gets_no_other(stage: Stage) -> None:
    async with receiving(Says(500, hang=True)) as receiver:
        endpoint, _ = await an_endpoint(stage, receiver)
        await an_alert(stage)
        turn = asyncio.ensure_future(stage.deliver.turn(first=True))
        while not receiver.got:
            await asyncio.sleep(0.01)
        await stage.manage.delete("demo", endpoint, 1)
        receiver.released.set()
        await turn
        stage.later(seconds=60)
        assert (await stage.deliver.turn(first=False), len(receiver.got)) == (0, 1)
    assert [row["state"] for row in await stage.rows("SELECT state FROM alerts.delivery")] == ["parked"]


async def test_what_a_crash_left_for_a_disabled_endpoint_is_parked(stage: Stage) -> None:
    async with receiving() as receiver:
        endpoint, _ = await an_endpoint(stage, receiver)
        await an_alert(stage)
        await stage.lease(first=True, most=10)
        await stage.endpoints.disable("demo", endpoint, "gone")
        stage.later(seconds=51)
        assert (await stage.deliver.turn(first=True), receiver.got) == (0, [])
    assert [row["state"] for row in await stage.rows("SELECT state FROM alerts.delivery")] == ["parked"]
