"""What `kizashi doctor` asks of a running installation: does it answer, is the schema right, do the clocks agree.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any, Final

import asyncpg

from kizashi_common.db.migrate import wanted_revision
from kizashi_common.errors import Absent
from kizashi_common.runtime.service import Clock
from kizashi_local.addresses import LOOPBACK, Addresses
from kizashi_local.broker.choice import BOOTSTRAP
from kizashi_local.broker.ready import ask
from kizashi_local.checks import Line, Patient
from kizashi_local.installed import installed

MOST_CLOCK_OFFSET: Final = timedelta(seconds=2)
STALE_AFTER: Final = timedelta(minutes=5)
_AWAY: Final = (Absent, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


async def running(patient: Patient, clock: Clock) -> list[Line]:
    """Every check of a running installation."""
    assert patient.addresses is not None
    ready = await asyncio.to_thread(_ready, patient.addresses)
    return [ready, await _broker(patient, patient.addresses), *await _database(patient, clock)]


def _ready(addresses: Addresses) -> Line:
    connection = HTTPConnection(LOOPBACK, addresses.ops, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = json.loads(answer.read())
    except (OSError, HTTPException, ValueError) as error:
        return Line("services", "fault", f"no answer at {addresses.ops_url}: {error}", "Look at log/kizashi.log.")
    finally:
        connection.close()
    lacks = body.get("missing", {}) | body.get("refusing", {})
    if answer.status == 200 and not lacks:
        return Line("services", "ok", f"ready at {addresses.ops_url}")
    said = "; ".join(f"{name}: {why}" for name, why in lacks.items())
    found = said if answer.status == 200 else f"not ready: {said}"
    return Line("services", "warning", found, "Wait a little; then look at log/kizashi.log.")


async def _broker(patient: Patient, addresses: Addresses) -> Line:
    where = patient.environment.get(BOOTSTRAP) or f"{LOOPBACK}:{addresses.broker}"
    host, _, port = where.split(",")[0].strip().rpartition(":")
    answer = await ask(host, int(port)) if port.isdigit() else None
    if answer is None:
        return Line("broker", "fault", f"no answer at {where}", "Look at log/kafka.log or log/broker.log; start again.")
    return Line("broker", "ok", f"cluster {answer.cluster_id} at {where}")


async def _database(patient: Patient, clock: Clock) -> list[Line]:
    try:
        url = installed(patient.data, patient.environment).superuser_url
        connection = await asyncpg.connect(url, timeout=5)
    except _AWAY as error:
        return [Line("database", "fault", f"no way in: {error}", "Look at log/postgres.log; start again.")]
    try:
        return [
            await _revision(connection),
            await _clock_offset(connection, clock),
            *await _partitions(connection, clock()),
        ]
    finally:
        await connection.close()


async def _revision(connection: Any) -> Line:
    found, wanted = await connection.fetchval("SELECT version_num FROM kizashi.alembic_version"), wanted_revision()
    if found == wanted:
        return Line("schema", "ok", f"revision {found}")
    return Line("schema", "fault", f"revision {found}, this version needs {wanted}", "Start again: `up` migrates.")


async def _clock_offset(connection: Any, clock: Clock) -> Line:
    offset = abs(await connection.fetchval("SELECT clock_timestamp()") - clock())
    found = f"{offset.total_seconds():.3f} s between ours and PostgreSQL's"
    if offset > MOST_CLOCK_OFFSET:
        return Line("clock", "fault", found, "Synchronise the clocks (NTP): days and lateness hang on them.")
    return Line("clock", "ok", found)


async def _partitions(connection: Any, now: datetime) -> list[Line]:
    """How far the input of each partition is proved whole; one line, naming those that lag."""
    rows = await connection.fetch("SELECT slot, complete_through FROM health.consumer_slot ORDER BY slot")
    behind = [
        f"{row['slot']} ({'never' if row['complete_through'] is None else now - row['complete_through']})"
        for row in rows
        if row["complete_through"] is None or now - row["complete_through"] > STALE_AFTER
    ]
    if behind:
        advice = "Silence is not believed beyond that time. Look at log/kizashi.log for what stopped ingest or health."
        return [Line("completeness", "warning", f"behind: {', '.join(behind)}", advice)]
    return [Line("completeness", "ok", f"{len(rows)} partitions are whole up to the last {STALE_AFTER}")]
