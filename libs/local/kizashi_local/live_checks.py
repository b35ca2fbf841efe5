"""What `kizashi doctor` asks of a running installation: does it answer, is the schema right, do the clocks agree, and
what `stream_checks` asks.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any, Final, NamedTuple

import asyncpg

from kizashi_common.db.migrate import wanted_revision
from kizashi_common.errors import Absent
from kizashi_common.runtime.service import Clock
from kizashi_local.addresses import LOOPBACK, Addresses
from kizashi_local.broker.choice import BOOTSTRAP
from kizashi_local.broker.ready import ask
from kizashi_local.checks import Line, Patient
from kizashi_local.installed import installed
from kizashi_local.stream_checks import completeness, consumers, topics

MOST_CLOCK_OFFSET: Final = timedelta(seconds=2)
_PATIENCE_S: Final = 5
_AWAY: Final = (Absent, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class _Answer(NamedTuple):
    status: int
    body: str


async def running(patient: Patient, clock: Clock) -> list[Line]:
    """Every check of a running installation."""
    assert patient.addresses is not None
    services = await asyncio.to_thread(_services, patient.addresses)
    return [*services, *await _broker(patient, patient.addresses), *await _database(patient, clock)]


def _services(addresses: Addresses) -> list[Line]:
    try:
        return [_ready(_ask(addresses, "/readyz"), addresses.ops_url), *consumers(_ask(addresses, "/metrics").body)]
    except (OSError, HTTPException, ValueError) as error:
        return [Line("services", "fault", f"no answer at {addresses.ops_url}: {error}", "Look at log/kizashi.log.")]


def _ask(addresses: Addresses, path: str) -> _Answer:
    connection = HTTPConnection(LOOPBACK, addresses.ops, timeout=_PATIENCE_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return _Answer(answer.status, answer.read().decode())
    finally:
        connection.close()


def _ready(answer: _Answer, url: str) -> Line:
    body = json.loads(answer.body)
    lacks = body.get("missing", {}) | body.get("refusing", {})
    if answer.status == 200 and not lacks:
        return Line("services", "ok", f"ready at {url}")
    said = "; ".join(f"{name}: {why}" for name, why in lacks.items())
    found = said if answer.status == 200 else f"not ready: {said}"
    return Line("services", "warning", found, "Wait a little; then look at log/kizashi.log.")


async def _broker(patient: Patient, addresses: Addresses) -> list[Line]:
    where = patient.environment.get(BOOTSTRAP) or f"{LOOPBACK}:{addresses.broker}"
    host, _, port = where.split(",")[0].strip().rpartition(":")
    answer = await ask(host, int(port)) if port.isdigit() else None
    if answer is None:
        advice = "Look at log/kafka.log or log/broker.log; start again."
        return [Line("broker", "fault", f"no answer at {where}", advice)]
    return [Line("broker", "ok", f"cluster {answer.cluster_id} at {where}"), await topics(where)]


async def _database(patient: Patient, clock: Clock) -> list[Line]:
    try:
        url = installed(patient.data, patient.environment).superuser_url
        connection = await asyncpg.connect(url, timeout=_PATIENCE_S)
    except _AWAY as error:
        why = str(error) or f"no answer within {_PATIENCE_S} s"
        return [Line("database", "fault", f"no way in: {why}", "Look at log/postgres.log; start again.")]
    try:
        return [
            await _revision(connection),
            await _clock_offset(connection, clock),
            await completeness(connection, clock()),
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
