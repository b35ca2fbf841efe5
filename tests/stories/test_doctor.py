"""`kizashi doctor` beside a running product: all is well, and what is not is named with what to do."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from kizashi_common.bus.topic_plan import LOCAL
from kizashi_common.contracts.topics import SCORES
from kizashi_local.addresses import recalled
from tests.stories.harness import Kizashi, eventually

pytestmark = pytest.mark.story


async def doctor(product: Kizashi) -> tuple[int, dict[str, dict[str, Any]]]:
    """Its exit code, and its lines by what they are about."""
    command = (sys.executable, "-m", "kizashi_cli.main", "doctor", "--json", "--data", str(product.data))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    lines = [json.loads(line) for line in out.splitlines()]
    assert process.returncode is not None
    return process.returncode, {line["check"]: line for line in lines}


async def set_retention(product: Kizashi, milliseconds: str) -> None:
    addresses = recalled(product.data)
    assert addresses is not None
    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{addresses.broker}")
    await admin.start()
    configs = LOCAL.config(SCORES) | {"retention.ms": milliseconds}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, SCORES.name, configs=configs)])
    await admin.close()


async def test_a_well_installation_is_called_well_and_a_changed_topic_is_named(product: Kizashi) -> None:
    if product.ready["broker"] != "kafka":
        pytest.skip("the volatile broker changes no settings")
    _, lines = await eventually(lambda: doctor(product), lambda answer: answer[1]["completeness"]["level"] == "ok")
    running = ("services", "lag", "stopped", "broker", "topics", "schema", "clock", "completeness")
    assert {check: lines[check]["level"] for check in running} == dict.fromkeys(running, "ok")
    assert "health" in lines["lag"]["found"]
    planned = LOCAL.config(SCORES)["retention.ms"]
    try:
        await set_retention(product, "1000")
        code, lines = await doctor(product)
    finally:
        await set_retention(product, planned)
    assert code == 2
    assert lines["topics"]["found"] == f"{SCORES.name}: retention.ms is 1000, not {planned}"
    assert lines["topics"]["advice"]
