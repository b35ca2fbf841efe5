"""The completeness witness: the worst of all partitions, old when nothing is known, and older with every second."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.db.database import Database
from kizashi_common.errors import Busy
from kizashi_gateway.application.witness import Witness
from kizashi_gateway.domain.witness import NEVER, PartitionProof, proved_through
from kizashi_gateway.queries.accounts import Accounts, Filters
from kizashi_gateway.queries.progress import Progress
from tests.counted import value
from tests.gateway.conftest import Gateway
from tests.gateway.seeding import NOW, Seeds
from tests.twins.clock import SetClock

BEGAN = NOW - timedelta(days=30)
PARTITIONS = 8

instants = st.integers(0, 400).map(lambda days: NOW - timedelta(days=days))
proofs = st.lists(st.builds(PartitionProof, st.integers(0, 23), st.none() | instants, st.none() | instants), min_size=1)


@given(proofs)
def test_the_proof_is_no_younger_than_any_partition_and_as_old_as_one(partitions: list[PartitionProof]) -> None:
    through = proved_through(partitions)
    oldest = [one.through or one.began_at for one in partitions]
    assert (through is None) == (None in oldest)
    if through is not None:
        assert through in oldest
        assert all(at is not None and through <= at for at in oldest)


def test_without_partitions_nothing_is_known() -> None:
    assert proved_through([]) is None


async def prove(seeds: Seeds, throughs: dict[int, datetime | None]) -> None:
    """Slots as health leaves them; a partition that is not named has no row."""
    await seeds.run("UPDATE health.build SET activated_at = $1", BEGAN)
    await seeds.run("DELETE FROM health.consumer_slot")
    for partition, through in throughs.items():
        await seeds.run(
            "INSERT INTO health.consumer_slot (slot, topic, part, partitions, complete_through)"
            " VALUES ($1, 'kizashi.events.v1', $2, $3, $4)",
            1000 + partition,
            partition,
            PARTITIONS,
            through,
        )


def all_proved(**but: datetime | None) -> dict[int, datetime | None]:
    return {number: but.get(f"p{number}", NOW - timedelta(seconds=5)) for number in range(PARTITIONS)}


async def age(gateway: Gateway) -> float:
    witness = Witness(Progress(gateway.resources.database), gateway.clock)
    await witness.look()
    return witness.age_s()


async def test_the_worst_partition_is_what_counts(gateway: Gateway) -> None:
    await prove(gateway.seeds, all_proved(p3=NOW - timedelta(seconds=90)))
    assert await age(gateway) == 90


async def test_a_partition_without_proof_is_as_old_as_the_counting(gateway: Gateway) -> None:
    await prove(gateway.seeds, all_proved(p3=None))
    assert await age(gateway) == timedelta(days=30).total_seconds()


async def test_a_partition_that_nobody_ever_claimed_is_as_old_as_the_counting(gateway: Gateway) -> None:
    throughs = all_proved()
    del throughs[7]
    await prove(gateway.seeds, throughs)
    assert await age(gateway) == timedelta(days=30).total_seconds()


async def test_an_installation_whose_health_never_ran_is_as_old_as_itself(gateway: Gateway) -> None:
    await prove(gateway.seeds, {})
    assert await age(gateway) == timedelta(days=30).total_seconds()


async def test_the_slots_of_another_build_prove_nothing(gateway: Gateway) -> None:
    await prove(gateway.seeds, all_proved())
    await gateway.seeds.run("UPDATE health.consumer_slot SET slot = slot + 1000")
    assert await age(gateway) == timedelta(days=30).total_seconds()


async def test_the_console_calls_nothing_complete_before_every_partition_is_proved(gateway: Gateway) -> None:
    async def said() -> datetime | None:
        return (await Accounts(gateway.resources.database).summary("demo", Filters())).complete_through

    await prove(gateway.seeds, all_proved(p3=NOW - timedelta(seconds=90)))
    assert await said() == NOW - timedelta(seconds=90)
    await gateway.seeds.run("UPDATE health.consumer_slot SET slot = slot + 1000, complete_through = $1", NOW)
    assert await said() is None, "these are another build's"
    await prove(gateway.seeds, {0: NOW})
    assert await said() is None, "nobody claimed the others"


async def test_a_scrape_finds_it_older_with_every_second_though_nobody_looks(gateway: Gateway) -> None:
    await prove(gateway.seeds, all_proved())
    witness = Witness(Progress(gateway.resources.database), gateway.clock)
    await witness.look()
    assert value("gateway_completeness_age_seconds") == 5
    gateway.clock.advance(timedelta(minutes=10))
    assert value("gateway_completeness_age_seconds") == 605


async def test_while_postgresql_never_answered_the_proof_is_very_old(clock: SetClock) -> None:
    database = Database("postgresql://kizashi_gateway:x@127.0.0.1:1/none")
    witness = Witness(Progress(database), clock)
    assert value("gateway_completeness_age_seconds") == NEVER.total_seconds()
    with pytest.raises(Busy):
        await witness.look()
    assert value("gateway_completeness_age_seconds") == NEVER.total_seconds()
    await database.close()


async def test_of_the_build_the_gateway_sees_no_more_than_the_witness_needs(gateway: Gateway) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    with pytest.raises(DBAPIError, match="permission denied"):
        async with gateway.resources.database.transaction() as connection:
            await connection.execute(text("SELECT dedupe_key FROM health.build"))
