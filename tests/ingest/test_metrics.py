"""What ingest tells about itself: complete from the start, one outcome for each check, ages that go on."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from kizashi_common.contracts import quarantine
from kizashi_common.db.database import Database
from kizashi_common.errors import Busy, Denied
from kizashi_ingest.adapters.sources import SourceStore
from kizashi_ingest.application.sources import Keyring
from kizashi_ingest.domain.answers import STATUS
from kizashi_ingest.domain.dialects import NAMES
from kizashi_ingest.domain.mapping import ACTIONS
from kizashi_ingest.domain.notes import WARNINGS
from kizashi_ingest.metrics import KEY_OUTCOMES
from tests.conftest import Databases
from tests.counted import Growth, value
from tests.ingest.house import NOW, House, furnish
from tests.ingest.test_heartbeat import EVERY, node
from tests.twins.clock import SetClock


def exists(name: str, **labels: str) -> bool:
    return REGISTRY.get_sample_value(f"kizashi_ingest_{name}", labels) is not None


def test_every_series_of_a_closed_label_exists_from_the_start() -> None:
    for dialect in NAMES:
        assert all(exists("quarantined_total", dialect=dialect, reason=reason) for reason in quarantine.CODES)
        assert all(exists("refused_requests_total", dialect=dialect, code=code) for code in STATUS)
        assert all(exists("body_bytes_count", dialect=dialect, form=form) for form in ("wire", "inflated"))
        for outcome in ("accepted", "quarantined", "duplicate_in_batch"):
            assert exists("events_total", dialect=dialect, outcome=outcome)
        for name in ("ignored_total", "lenient_parses_total", "batch_events_count"):
            assert exists(name, dialect=dialect)
    assert all(exists("actions_total", action=action) for action in ACTIONS)
    assert all(exists("warnings_total", warning=warning) for warning in WARNINGS)
    assert all(exists("heartbeats_total", outcome=outcome) for outcome in ("sent", "withheld", "failed"))
    assert exists("nodes", state="live")
    assert all(exists("key_checks_total", outcome=outcome) for outcome in KEY_OUTCOMES)


async def test_a_key_is_checked_with_one_outcome(databases: Databases) -> None:
    await furnish(databases.ingest)
    keyring = Keyring(SourceStore(databases.ingest), lambda: NOW)

    async def outcomes(key: str) -> dict[str, float]:
        grown = {outcome: Growth("ingest_key_checks_total", outcome=outcome) for outcome in KEY_OUTCOMES}
        with suppress(Denied):
            await keyring.judged(key)
        return {outcome: growth() for outcome, growth in grown.items() if growth()}

    assert await outcomes("WK_test") == {"loaded": 1}
    assert await outcomes("WK_test") == {"cached": 1}
    assert await outcomes("WK_revoked") == {"revoked": 1}
    assert await outcomes("WK_revoked") == {"revoked": 1}
    assert await outcomes("nobody's") == {"unknown": 1}


async def test_the_age_of_the_keys_goes_on_while_they_cannot_be_read(clock: SetClock) -> None:
    database = Database("postgresql://kizashi_ingest:x@127.0.0.1:1/none")
    keyring = Keyring(SourceStore(database), clock)
    clock.advance(timedelta(seconds=40))
    with pytest.raises(Busy):
        await keyring.refresh()
    assert keyring.age_s() == 40
    await database.close()


async def test_the_age_of_the_last_round_grows_until_a_round_succeeds(databases: Databases, clock: SetClock) -> None:
    async with node(databases.ingest, clock) as (heartbeats, bus):
        assert await heartbeats.beat() is not None
        assert heartbeats.age_s() == 0
        bus.broken = True
        clock.advance(3 * EVERY)
        assert await heartbeats.beat() is None
        assert heartbeats.age_s() == 90
        clock.advance(timedelta(seconds=5))
        assert heartbeats.age_s() == 95, "between beats too"
        bus.broken = False
        clock.advance(EVERY)
        assert await heartbeats.beat() is not None
        assert heartbeats.age_s() == 0


async def test_a_scrape_reads_ages_off_the_clock(house: House) -> None:
    ages = ("ingest_key_cache_age_seconds", "ingest_heartbeat_round_age_seconds")
    before = [value(age) for age in ages]
    house.clock.advance(timedelta(seconds=50))
    assert [value(age) - old for age, old in zip(ages, before, strict=True)] == [50, 50]
    assert value("ingest_nodes", state="live") == 1


async def test_a_node_that_opens_no_round_knows_how_many_there_are(databases: Databases, clock: SetClock) -> None:
    async with node(databases.ingest, clock) as (heartbeats, _):
        assert await heartbeats.beat() is not None
        from kizashi_ingest.adapters.rounds import RoundStore

        await RoundStore(databases.ingest, "another").sign(clock(), clock())
        assert await heartbeats.beat() is None
        assert value("ingest_nodes", state="live") == 2


async def test_every_accepted_event_tells_its_age(house: House) -> None:
    count = Growth("ingest_event_age_seconds_count")
    old = Growth("ingest_event_age_seconds_bucket", le="60.0")
    times = ("2026-11-22T09:05:00Z", "2026-11-22T09:04:30Z", "2026-11-22T06:00:00Z")
    batch = [
        {"type": "track", "event": "Signed In", "userId": "u", "messageId": f"m{i}", "timestamp": at}
        for i, at in enumerate(times)
    ]
    await house.post("/v1/batch", {"batch": batch, "sentAt": "2026-11-22T09:05:00Z"})
    assert (count(), old()) == (3, 2)
