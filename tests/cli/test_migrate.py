"""`kizashi migrate`: what it is told, and the workspaces that it makes once with keys which the installer chose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from kizashi_cli.migrate import CANARY, wanted_workspaces
from kizashi_common.contracts.ids import uuid7
from kizashi_common.errors import Invalid
from kizashi_common.keys import API_CHANCE_BYTES, SOURCE_CHANCE_BYTES, new_api_key, new_source_key
from kizashi_common.runtime.compose import chance
from kizashi_common.runtime.migrate_settings import MigrateSettings
from kizashi_gateway.adapters.store import Store
from kizashi_gateway.application.keys import Keys
from kizashi_ingest.adapters.sources import SourceStore
from kizashi_ingest.application.sources import Keyring
from kizashi_local.first_workspace import Founding, GivenKeys, found_once
from tests.conftest import Databases
from tests.twins.clock import SetClock

ADMIN = str(new_api_key(bytes(range(API_CHANCE_BYTES))))
SERVER = new_source_key("server", bytes(range(SOURCE_CHANCE_BYTES)))
TOLD = {
    "KIZASHI_DATABASE_URL": "postgresql://owner:only-for-tests@db:5432/kizashi",
    "KIZASHI_KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    **{f"KIZASHI_{name}_PASSWORD": "only-for-tests" for name in ("INGEST", "HEALTH", "ALERTS", "GATEWAY")},
}


def test_copies_are_for_three_brokers_unless_said_otherwise() -> None:
    assert MigrateSettings.read(TOLD).plan.replication == 3
    one = MigrateSettings.read(TOLD | {"KIZASHI_KAFKA_REPLICATION": "1"}).plan
    assert (one.replication, one.local) == (1, False), "one broker has as many partitions as three"


def test_first_keys_come_from_files_and_are_none_without(tmp_path: Path) -> None:
    (tmp_path / "admin").write_text(ADMIN + "\n")
    told = TOLD | {"KIZASHI_FIRST_WORKSPACE": "acme", "KIZASHI_FIRST_ADMIN_KEY_FILE": str(tmp_path / "admin")}
    (first,) = wanted_workspaces(MigrateSettings.read(told))
    assert (first.id, first.keys) == ("acme", GivenKeys(ADMIN, ""))
    assert wanted_workspaces(MigrateSettings.read(TOLD)) == []


def test_the_canary_has_a_workspace_of_its_own_as_soon_as_it_has_a_key() -> None:
    (canary,) = wanted_workspaces(
        MigrateSettings.read(TOLD | {"KIZASHI_CANARY_API_KEY": ADMIN, "KIZASHI_CANARY_SERVER_KEY": SERVER})
    )
    assert (canary.id, canary.keys) == (CANARY, GivenKeys(ADMIN, SERVER))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KIZASHI_FIRST_ADMIN_KEY", ADMIN[:-1] + "x"),
        ("KIZASHI_FIRST_SERVER_KEY", SERVER[:-1] + "x"),
        ("KIZASHI_FIRST_SERVER_KEY", ADMIN),
        ("KIZASHI_FIRST_WORKSPACE", "Not an id"),
        ("KIZASHI_TOPICS", "ignore"),
    ],
)
def test_what_cannot_be_is_refused_and_never_printed(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=name) as refusal:
        MigrateSettings.read(TOLD | {name: value})
    assert value not in str(refusal.value)


def founding(databases: Databases, clock: SetClock) -> Founding:
    return Founding(databases.gateway, databases.ingest, clock, chance, lambda: uuid7(clock(), os.urandom(10)))


async def test_given_keys_open_the_workspace_and_a_second_time_changes_nothing(
    databases: Databases, clock: SetClock
) -> None:
    made = founding(databases, clock)
    assert await found_once(made, "acme", "Acme", GivenKeys(ADMIN, SERVER))
    assert not await found_once(made, "acme", "Other", GivenKeys(ADMIN, SERVER))
    caller = await Keys(Store(databases.gateway), clock, chance).authenticate(ADMIN)
    assert (caller.workspace, caller.role) == ("acme", "admin")
    key = await Keyring(SourceStore(databases.ingest), clock).judged(SERVER)
    assert (key.workspace, key.may_import) == ("acme", True)
    async with databases.gateway.transaction("acme") as connection:
        keys = await connection.execute(text("SELECT count(*) FROM gateway.api_key"))
        assert keys.scalar_one() == 1


async def test_one_that_was_cut_short_is_completed(databases: Databases, clock: SetClock) -> None:
    made = founding(databases, clock)
    await made.admin_key("acme", "Acme", ADMIN)
    assert not await found_once(made, "acme", "Acme", GivenKeys(ADMIN, SERVER))
    assert (await Keyring(SourceStore(databases.ingest), clock).judged(SERVER)).workspace == "acme"
