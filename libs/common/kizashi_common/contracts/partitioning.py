"""Which partition a key belongs to: the Java client's murmur2, chosen by the producer and checked by the consumer.

A key starts with the workspace, so one workspace can never collide with another; the rest says what it speaks of.
Partition counts are for life under a topic name (decision 3), hence the answer may be kept for ever.

Source: INGEST.md 9; Apache Kafka `org.apache.kafka.common.utils.Utils.murmur2`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF


def account_key(workspace: str, external_id: str) -> str:
    """The key under which everything about one account travels."""
    return f"{workspace}|a:{external_id}"


def identity_key(workspace: str, user_id: str | None, anonymous_id: str | None) -> str:
    """The key of an event that names no account: its user, else its anonymous id."""
    return f"{workspace}|u:{user_id}" if user_id is not None else f"{workspace}|n:{anonymous_id}"


def murmur2(data: bytes) -> int:
    """The 32-bit hash, as an unsigned number."""
    length = len(data)
    h = (_SEED ^ length) & _WORD
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little")
        k = (k * _M) & _WORD
        k ^= k >> 24
        k = (k * _M) & _WORD
        h = (h * _M) & _WORD
        h ^= k
    if length & 3:
        h ^= int.from_bytes(data[whole:], "little")
        h = (h * _M) & _WORD
    h ^= h >> 13
    h = (h * _M) & _WORD
    return h ^ (h >> 15)


@lru_cache(maxsize=262_144)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: murmur2, sign bit masked, modulo the count. Cached: it costs 3 microseconds."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
