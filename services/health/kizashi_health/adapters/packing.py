"""Rows ↔ bytes: bitmaps of users, and the small maps of features and sources that a day row carries.

Equal values give equal bytes, so a rebuilt partition can be compared with the old one byte for byte.

Source: HEALTH.md 7 and 11 (I7).
"""

from __future__ import annotations

from typing import Final

import msgspec

_BITSET: Final = 0
_VARINTS: Final = 1
_SEVEN_BITS: Final = 0x7F
_MORE: Final = 0x80

_MAP_DECODER: Final = msgspec.msgpack.Decoder(dict[str, list[int]])
_MAP_ENCODER: Final = msgspec.msgpack.Encoder(order="sorted")


def pack_bitmap(bits: int) -> bytes:
    """A set of small numbers as a tag and its shorter form; the empty set is no bytes at all.

    Shape: little-endian bits, or varints of the steps from each member to the next.
    """
    if not bits:
        return b""
    size = (bits.bit_length() + 7) // 8
    if bits.bit_count() < size:
        varints = _varints(bits)
        if len(varints) < size:
            return bytes((_VARINTS,)) + varints
    return bytes((_BITSET,)) + bits.to_bytes(size, "little")


def unpack_bitmap(packed: bytes) -> int:
    """The set behind the bytes.

    Raises: ValueError for bytes that `pack_bitmap` did not make; the row is damaged, so stop.
    """
    if not packed:
        return 0
    if packed[0] == _BITSET:
        return int.from_bytes(packed[1:], "little")
    if packed[0] == _VARINTS:
        return _from_varints(packed[1:])
    raise ValueError(f"a bitmap does not begin with {packed[0]}")


def pack_counts(counts: dict[str, list[int]]) -> bytes:
    """A map of names to counters, sorted by name. The empty map is no bytes at all."""
    return _MAP_ENCODER.encode(counts) if counts else b""


def unpack_counts(packed: bytes) -> dict[str, list[int]]:
    """The map behind the bytes.

    Raises: ValueError (msgspec's errors are) for bytes that `pack_counts` did not make.
    """
    return _MAP_DECODER.decode(packed) if packed else {}


def _varints(bits: int) -> bytes:
    """The steps from each member to the next, seven bits a byte, lowest first."""
    written = bytearray()
    before = -1
    while bits:
        member = (bits & -bits).bit_length() - 1
        step, before = member - before, member
        bits &= bits - 1
        while step > _SEVEN_BITS:
            written.append(step & _SEVEN_BITS | _MORE)
            step >>= 7
        written.append(step)
    return bytes(written)


def _from_varints(packed: bytes) -> int:
    bits, member, step, shift = 0, -1, 0, 0
    for byte in packed:
        step |= (byte & _SEVEN_BITS) << shift
        shift += 7
        if byte < _MORE:
            member += step
            bits |= 1 << member
            step = shift = 0
    if shift:
        raise ValueError("a bitmap ends inside a number")
    return bits
