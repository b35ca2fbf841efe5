"""The real ingest over the bus twin takes all that the demo sends, as history, and changes nothing of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest
import pytest_asyncio

from kizashi_common.contracts.events import Fact
from kizashi_common.errors import Rejected
from kizashi_local.demo.door import Door
from kizashi_local.demo.facts import facts
from kizashi_local.demo.generator import events_of_day
from kizashi_local.demo.vendor import customers, holiday
from tests.conftest import Databases
from tests.ingest.house import IMPORT, SERVER, House, furnish, running
from tests.twins.clock import SetClock

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
CUSTOMERS = customers(DAY)


@pytest_asyncio.fixture
async def house(databases: Databases) -> AsyncIterator[House]:
    await furnish(databases.ingest)
    async with running(databases.ingest, SetClock(NOW)) as found:
        yield found


def door_of(house: House, key: str) -> Door:
    assert house.service.routes.public is not None
    return Door("http://ingest", key, httpx2.ASGITransport(house.service.routes.public))


@pytest.mark.parametrize("back", [1, 364])
async def test_a_day_of_events_is_taken_whole(house: House, back: int) -> None:
    sent = list(events_of_day(CUSTOMERS, DAY - timedelta(days=back), frozenset(holiday(DAY))))
    async with door_of(house, IMPORT) as door:
        await door.events(sent)
    taken = {event.id: event for event in house.events()}
    assert not house.refused()
    assert taken.keys() == {event["id"] for event in sent}
    for event in sent:
        found = taken[event["id"]]
        assert found.subject == event["account"]
        assert found.data.user_id == event["user"]
        assert found.data.action == event["action"]
        assert found.data.feature == event.get("feature")
        assert found.time == datetime.fromisoformat(event["at"])
        assert found.data.flags == ["historical"]
        assert not found.data.warnings


async def test_every_fact_is_taken_with_its_value(house: House) -> None:
    async with door_of(house, IMPORT) as door:
        await door.facts(facts(CUSTOMERS))
    assert not house.refused()
    taken = [message for message in house.messages() if isinstance(message, Fact)]
    assert {message.subject for message in taken} == {customer.external_id for customer in CUSTOMERS}
    assert {item.name for message in taken for item in message.data.facts} == {
        *("name", "owner", "tier", "seats", "arr", "renewal_date", "customer_since", "status"),
    }
    assert all(message.time < NOW for message in taken)


async def test_a_key_without_the_right_import_is_told_so(house: House) -> None:
    sent = list(events_of_day(CUSTOMERS, DAY - timedelta(days=1), frozenset()))
    async with door_of(house, SERVER) as door:
        with pytest.raises(Rejected, match="not_allowed"):
            await door.events(sent)
