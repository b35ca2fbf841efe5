"""Does a broker answer? One Metadata request, spoken by hand: the Kafka client belongs to the bus alone.

A listening port proves nothing: Kafka binds long before it serves. A broker that names itself in the metadata serves.

Source: the Kafka protocol guide, Metadata version 2.
"""

from __future__ import annotations

import asyncio
import struct
from datetime import timedelta
from typing import Final, NamedTuple

from kizashi_local.broker.broker import BrokerFailed
from kizashi_local.children import Child

_METADATA: Final = 3
_VERSION: Final = 2
_CLIENT: Final = b"kizashi-local"
_NO_TOPICS: Final = struct.pack(">i", 0)
_LARGEST_ANSWER_BYTES: Final = 1 << 20


class Answer(NamedTuple):
    """How many brokers the cluster has, and what it calls itself."""

    brokers: int
    cluster_id: str


async def ask(host: str, port: int, patience: timedelta = timedelta(seconds=5)) -> Answer | None:
    """What the broker says of its cluster, or None while it does not answer."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(_request())
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                if not 8 <= size <= _LARGEST_ANSWER_BYTES:
                    return None
                return _read(await reader.readexactly(size))
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError, struct.error, UnicodeDecodeError):
        return None


def _request() -> bytes:
    body = struct.pack(">hhih", _METADATA, _VERSION, 1, len(_CLIENT)) + _CLIENT + _NO_TOPICS
    return struct.pack(">i", len(body)) + body


def _read(answer: bytes) -> Answer:
    (brokers,) = struct.unpack_from(">i", answer, 4)
    at = 8
    for _ in range(brokers):
        at = _after_string(answer, at + 4)  # node id, host
        at = _after_string(answer, at + 4)  # port, rack
    (length,) = struct.unpack_from(">h", answer, at)
    cluster = answer[at + 2 : at + 2 + max(length, 0)].decode("utf-8")
    return Answer(brokers, cluster)


def _after_string(answer: bytes, at: int) -> int:
    (length,) = struct.unpack_from(">h", answer, at)
    return at + 2 + max(int(length), 0)


async def wait_until_ready(child: Child, port: int, patience: timedelta) -> Answer:
    """Returns when the broker serves.

    Raises: ChildDied when it ends first, BrokerFailed when it does not answer in time.
    """
    try:
        async with asyncio.timeout(patience.total_seconds()):
            while True:
                if child.has_ended():
                    raise child.obituary()
                answer = await ask("127.0.0.1", port)
                if answer is not None and answer.brokers > 0:
                    return answer
                await asyncio.sleep(0.05)
    except TimeoutError:
        await child.stop()
        raise BrokerFailed(f"{child.name} did not answer within {patience}; its log is {child.log}") from None
    except BaseException:
        child.kill()
        raise
