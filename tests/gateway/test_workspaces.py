"""A new workspace: all of it or nothing, once."""

from __future__ import annotations

import pytest

from kizashi_common.errors import Conflict, Invalid
from kizashi_gateway.application.workspaces import NewWorkspace, create_workspace
from tests.gateway.conftest import Gateway


async def test_its_admin_key_opens_everything_and_its_making_is_recorded(gateway: Gateway) -> None:
    async with gateway.admin as admin:
        me = (await admin.get("/v1/me")).json()
    assert (me["workspace"], me["role"], me["csrf"]) == ("demo", "admin", None)
    log = await gateway.seeds.run("SELECT actor, action, object, outcome FROM gateway.audit")
    assert [tuple(row) for row in log] == [("system", "workspace.create", "demo", "done")]


async def test_a_workspace_that_exists_is_left_as_it_is(gateway: Gateway) -> None:
    with pytest.raises(Conflict):
        await gateway.another("demo")
    assert len(await gateway.seeds.run("SELECT * FROM gateway.member")) == 1
    assert len(await gateway.seeds.run("SELECT * FROM gateway.api_key")) == 1


async def test_what_fails_in_between_leaves_nothing_behind(gateway: Gateway) -> None:
    await gateway.seeds.run("REVOKE INSERT ON gateway.credential FROM kizashi_gateway")
    with pytest.raises(Exception, match="permission denied"):
        await gateway.another("other")
    assert len(await gateway.seeds.run("SELECT * FROM gateway.workspace")) == 1


@pytest.mark.parametrize("name", ["", "Demo", "a b", "-a", "a-", "a" * 33, "a/b", "é"])
async def test_an_id_that_cannot_stand_in_addresses_is_refused(gateway: Gateway, name: str) -> None:
    r = gateway.resources
    with pytest.raises(Invalid):
        await create_workspace(r.database, r.clock, r.chance, r.new_uuid, NewWorkspace(name, "Name"))
