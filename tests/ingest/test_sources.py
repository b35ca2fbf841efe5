"""Sources and keys: made, taken over, revoked; judged from memory while the database is away."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest

from kizashi_common.contracts.commands.ingest import SOURCES_PATH
from kizashi_common.db.database import Database
from kizashi_common.errors import Absent, Busy, Conflict, Denied, Invalid
from kizashi_common.keys import is_mistyped
from kizashi_ingest.adapters.sources import SourceStore
from kizashi_ingest.application.sources import Grant, Keyring, Sources
from kizashi_ingest.compose import sources_of
from kizashi_ingest.domain.source_key import NewSource
from tests.conftest import Databases
from tests.ingest.house import NOW, TOKEN, Answer, Chance, House, furnish, running
from tests.twins.clock import SetClock

NOWHERE = "postgresql://kizashi_ingest:x@127.0.0.1:1/none"
WEB = NewSource("ws_a", "web", "Web", "segment_web", ("https://a.example",), "EUR")


def made(database: Database) -> Sources:
    chance = Chance()
    return sources_of(database, lambda: NOW, chance, lambda: UUID(bytes=chance(16)))


async def test_a_minted_key_is_known_with_all_that_it_may_do(databases: Databases, now: SetClock) -> None:
    sources = made(databases.ingest)
    await sources.create_source(WEB)
    minted = await sources.mint_key("ws_a", "web", "browser", Grant(may_import=True, actor="import"))
    assert not is_mistyped(minted.key)
    key = await Keyring(SourceStore(databases.ingest), now).judged(minted.key)
    assert (key.workspace, key.source, key.kind, key.source_kind) == ("ws_a", "web", "browser", "segment_web")
    assert (key.may_import, key.actor, key.currency, key.origins) == (True, "import", "EUR", ("https://a.example",))


async def test_no_key_rests_in_the_database(databases: Databases) -> None:
    sources = made(databases.ingest)
    await sources.create_source(WEB)
    minted = await sources.mint_key("ws_a", "web", "browser")
    assert minted.key.encode() not in next(iter(await SourceStore(databases.ingest).keys()))


async def test_a_revoked_key_is_refused_after_the_next_refresh(databases: Databases, now: SetClock) -> None:
    sources = made(databases.ingest)
    await sources.create_source(WEB)
    minted = await sources.mint_key("ws_a", "web", "browser")
    keyring = Keyring(SourceStore(databases.ingest), now)
    await keyring.refresh()
    await keyring.judged(minted.key)
    await sources.revoke_key("ws_a", minted.key_id)
    await sources.revoke_key("ws_a", minted.key_id)
    await keyring.refresh()
    with pytest.raises(Denied):
        await keyring.judged(minted.key)


async def test_a_source_has_two_live_keys_of_a_kind(databases: Databases) -> None:
    sources = made(databases.ingest)
    await sources.create_source(WEB)
    first = await sources.mint_key("ws_a", "web", "browser")
    await sources.mint_key("ws_a", "web", "browser")
    with pytest.raises(Conflict):
        await sources.mint_key("ws_a", "web", "browser")
    await sources.mint_key("ws_a", "web", "server")
    await sources.revoke_key("ws_a", first.key_id)
    await sources.mint_key("ws_a", "web", "browser")


async def test_one_key_cannot_serve_two_sources_in_whichever_workspace(databases: Databases) -> None:
    sources = made(databases.ingest)
    await sources.create_source(WEB)
    await sources.create_source(NewSource("ws_b", "web", "Web", "segment_web"))
    await sources.import_key("ws_a", "web", "browser", "WK_taken")
    with pytest.raises(Conflict):
        await sources.import_key("ws_b", "web", "browser", "WK_taken")


async def test_another_workspace_can_touch_neither_source_nor_key(databases: Databases) -> None:
    sources = made(databases.ingest)
    await sources.create_source(WEB)
    minted = await sources.mint_key("ws_a", "web", "browser")
    with pytest.raises(Absent):
        await sources.revoke_key("ws_b", minted.key_id)
    with pytest.raises(Absent):
        await sources.mint_key("ws_b", "web", "browser")


@pytest.mark.parametrize(
    "bad",
    [
        NewSource("Upper", "web", "Web", "native"),
        NewSource("ws_a", "with|bar", "Web", "native"),
        NewSource("ws_a", "web", "", "native"),
        NewSource("ws_a", "web", "Web", "native", currency="euro"),
        NewSource("ws_a", "w" * 41, "Web", "native"),
    ],
)
async def test_a_source_with_names_that_no_topic_can_carry_is_refused(databases: Databases, bad: NewSource) -> None:
    with pytest.raises(Invalid):
        await made(databases.ingest).create_source(bad)


async def test_a_source_is_made_once(databases: Databases) -> None:
    sources = made(databases.ingest)
    await sources.create_source(WEB)
    with pytest.raises(Conflict):
        await sources.create_source(WEB)


async def test_an_unknown_key_is_asked_for_once_in_half_a_minute(databases: Databases, now: SetClock) -> None:
    sources = made(databases.ingest)
    await sources.create_source(WEB)
    keyring = Keyring(SourceStore(databases.ingest), now)
    with pytest.raises(Denied):
        await keyring.judged("WK_later")
    await sources.import_key("ws_a", "web", "browser", "WK_later")
    with pytest.raises(Denied):
        await keyring.judged("WK_later")
    now.advance(timedelta(seconds=31))
    assert (await keyring.judged("WK_later")).source == "web"


async def test_without_the_database_an_unknown_key_is_no_refusal(now: SetClock) -> None:
    database = Database(NOWHERE)
    keyring = Keyring(SourceStore(database), now)
    with pytest.raises(Busy) as told:
        await keyring.judged("WK_whoever")
    assert told.value.reason == "key_store_unavailable"
    with pytest.raises(Denied):
        await keyring.judged("kzs_mistyped")
    with pytest.raises(Busy):
        await keyring.refresh()
    assert not keyring.is_loaded
    await database.close()


async def command(house: House, method: str, path: str, body: object = None, token: str = TOKEN) -> Answer:
    headers = [
        ("Authorization", f"Bearer {token}"),
        ("kizashi-workspace", "ws_new"),
        ("kizashi-actor", "member:jo"),
    ]
    public = house.service.routes.public
    internal = house.service.routes.internal
    assert internal is not None
    inside = House(
        type(house.service)(house.service.name, type(house.service.routes)(internal, public)), house.bus, house.clock
    )
    return await inside.request(method, path, b"" if body is None else json.dumps(body).encode(), headers)


async def test_the_gateway_makes_a_source_and_a_key_that_works_at_once(databases: Databases, now: SetClock) -> None:
    await furnish(databases.ingest)
    async with running(databases.ingest, now) as house:
        source = {"source": "api", "name": "API", "kind": "native"}
        assert (await command(house, "POST", SOURCES_PATH, source)).status == 201
        assert (await command(house, "POST", SOURCES_PATH, source)).status == 409
        created = await command(house, "POST", f"{SOURCES_PATH}/api/keys", {"kind": "server", "may_import": True})
        assert created.status == 201
        event = {"id": "e", "account": "a", "name": "Login"}
        assert (await house.post("/v1/events", event, key=created.json["key"])).status == 200
        assert house.the_event().workspaceid == "ws_new"
        taken = await command(house, "POST", f"{SOURCES_PATH}/api/keys", {"kind": "server", "key": "WK_mine"})
        assert (taken.status, taken.json["key"]) == (201, None)
        revoked = await command(house, "DELETE", f"/internal/v1/source-keys/{created.json['key_id']}")
        assert revoked.status == 204


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", SOURCES_PATH, {"source": "Bad Name", "name": "x", "kind": "native"}, 422),
        ("POST", SOURCES_PATH, {"source": "x", "name": "x", "kind": "native", "more": 1}, 422),
        ("POST", f"{SOURCES_PATH}/nope/keys", {"kind": "server"}, 404),
        ("POST", f"{SOURCES_PATH}/backend/keys", {"kind": "server", "key": "a b c d"}, 422),
        ("DELETE", "/internal/v1/source-keys/key_5", None, 404),
        ("GET", SOURCES_PATH, None, 405),
    ],
)
async def test_bad_commands_are_told_why(house: House, method: str, path: str, body: object, status: int) -> None:
    answer = await command(house, method, path, body)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_without_the_token_nothing_is_done(house: House) -> None:
    answer = await command(house, "POST", SOURCES_PATH, {"source": "x", "name": "x", "kind": "native"}, "guess")
    assert answer.status == 401
