"""What `kizashi doctor` says of an installation that runs and does not answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kizashi_common.runtime.compose import clock
from kizashi_local.addresses import LOOPBACK, claim
from kizashi_local.checks import Patient
from kizashi_local.live_checks import running
from tests.ports import free_base


@pytest.mark.slow
async def test_who_does_not_answer_is_a_fault_that_says_so(tmp_path: Path) -> None:
    addresses = claim(tmp_path, free_base())
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "postgres").write_text("x")
    async with await asyncio.start_server(lambda *_: None, LOOPBACK, addresses.postgres):
        lines = await running(Patient(tmp_path, {}, None, addresses, is_running=True), clock)
    found = {line.check: line.found for line in lines}
    assert {line.level for line in lines} == {"fault"}
    assert all(line.advice for line in lines)
    assert found["services"].startswith(f"no answer at {addresses.ops_url}: ")
    assert found["broker"] == f"no answer at {LOOPBACK}:{addresses.broker}"
    assert found["database"] == "no way in: no answer within 5 s"
