"""Bytes of a request → JSON text, and out of it the outer object with its items still raw.

Limits come before memory: inflating stops at the cap, whatever a header promised. What a sender labelled wrongly is
taken by its content, because the data is good and the label is not; what cannot be read as a whole is refused.

Source: INGEST.md 3.1 and 16.
"""

from __future__ import annotations

import zlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import brotli
import zstandard

from kizashi_common.errors import Invalid
from kizashi_ingest.domain.clean import BROKEN, lenient

_BOM: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_STANDARD_BASE64: Final = bytes.maketrans(b"-_", b"+/")
_PIECE: Final = 262_144
_LAYERS: Final = 2
_MEMBERS: Final = 16
_BROKEN: Final = dict.fromkeys(range(0xDC80, 0xDD00), BROKEN)


class _Unreadable(Exception):
    """The bytes are not what their label says."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body, inflated: its bytes, whether they are UTF-8, and whether its label was wrong."""

    raw: bytes
    is_utf8: bool = True
    mislabelled: bool = False


def opened(wire: bytes, encoding: str | None, limit: int) -> Body:
    """The body behind the wire bytes.

    Args: `encoding` is the Content-Encoding header, `limit` caps the inflated size.
    Raises: Invalid with code bad_encoding or body_too_large.
    """
    raw, mislabelled = wire, False
    label = (encoding or "identity").strip().lower()
    if label not in ("", "identity"):
        raw, mislabelled = _by_label(wire, label, limit)
    if not raw.startswith((b"{", b"[")):
        raw = _sniffed(raw, limit)
    if raw.startswith(b"data="):
        raw = _sniffed(_from_form(raw), limit)
    raw = raw.removeprefix(_BOM)
    if len(raw) > limit:
        raise _too_large(limit)
    return Body(raw, _is_utf8(raw), mislabelled)


def _by_label(wire: bytes, label: str, limit: int) -> tuple[bytes, bool]:
    inflate = _INFLATERS.get(label)
    try:
        if inflate is None:
            raise _Unreadable(label)
        return _collected(inflate(wire, limit), limit), False
    except _Unreadable as error:
        if wire.removeprefix(_BOM).lstrip()[:1] in (b"{", b"[") or wire.startswith(b"data="):
            return wire, True
        if inflate is None and wire.startswith((_GZIP, _ZSTD)):
            return wire, True
        raise Invalid("The body is not what its Content-Encoding says.", code="bad_encoding") from error


def _sniffed(raw: bytes, limit: int) -> bytes:
    for _ in range(_LAYERS):
        inflate = _by_content(raw)
        if inflate is None:
            break
        try:
            raw = _collected(inflate(raw, limit), limit)
        except _Unreadable as error:
            raise Invalid("The compressed body is broken.", code="bad_encoding") from error
    return raw


def _by_content(raw: bytes) -> Any:
    if raw.startswith(_GZIP):
        return _gzip
    if raw.startswith(_ZSTD):
        return _zstd
    return _deflate if raw.startswith(b"\x78") else None


def _from_form(raw: bytes) -> bytes:
    field = unquote_to_bytes(raw[5:].partition(b"&")[0].replace(b"+", b" "))
    if field.startswith((b"{", b"[")):
        return field
    try:
        text = field.replace(b" ", b"+").translate(_STANDARD_BASE64)
        return b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise Invalid("The form's field is neither JSON nor base64.", code="bad_encoding") from error


def _collected(pieces: Iterator[bytes], limit: int) -> bytes:
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        kept.append(piece)
    return b"".join(kept)


def _gzip(wire: bytes, limit: int) -> Iterator[bytes]:
    # Members may follow each other (RFC 1952, 2.2). Each leaves a copy of what is left, so their number is bounded:
    # hundreds of thousands of empty ones in one body would hold the loop for a minute.
    for _ in range(_MEMBERS):
        if not wire:
            return
        reader = zlib.decompressobj(wbits=31)
        yield from _zlib_pieces(reader, wire)
        wire = reader.unused_data.lstrip(b"\x00")
    if wire:
        raise _Unreadable("too many members")


def _deflate(wire: bytes, limit: int) -> Iterator[bytes]:
    yield from _zlib_pieces(zlib.decompressobj(), wire)


def _zlib_pieces(reader: Any, wire: bytes) -> Iterator[bytes]:
    try:
        while wire:
            yield reader.decompress(wire, _PIECE)
            wire = reader.unconsumed_tail
        while not reader.eof:
            piece = reader.decompress(b"", _PIECE)
            if not piece:
                raise _Unreadable("truncated")
            yield piece
    except zlib.error as error:
        raise _Unreadable(str(error)) from error


def _zstd(wire: bytes, limit: int) -> Iterator[bytes]:
    # The window is capped as well: a frame may claim gigabytes of it before the first byte comes out.
    reader = zstandard.ZstdDecompressor(max_window_size=max(1024, 1 << (limit.bit_length() + 1))).decompressobj()
    try:
        # Little at a time: four bytes of a frame can stand for 128 KiB, and this reader has no limit of its own.
        for start in range(0, len(wire), 256):
            yield reader.decompress(wire[start : start + 256])
            if reader.eof:
                return
    except zstandard.ZstdError as error:
        raise _Unreadable(str(error)) from error
    raise _Unreadable("truncated")


def _brotli(wire: bytes, limit: int) -> Iterator[bytes]:
    reader = brotli.Decompressor()
    try:
        piece = reader.process(wire, output_buffer_limit=_PIECE)
        while piece or not reader.can_accept_more_data():
            yield piece
            piece = reader.process(b"", output_buffer_limit=_PIECE)
    except brotli.error as error:
        raise _Unreadable(str(error)) from error
    if not reader.is_finished():
        raise _Unreadable("truncated")


_INFLATERS: Final = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate, "zstd": _zstd, "br": _brotli}


def _is_utf8(raw: bytes) -> bool:
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def second_try(body: Body) -> Any:
    """The body parsed leniently: what only JSON's letter forbids is taken, to be mended item by item.

    Raises: Invalid with code bad_json or too_deep.
    """
    text = body.raw.decode() if body.is_utf8 else body.raw.decode(errors="surrogateescape").translate(_BROKEN)
    try:
        return lenient(text.strip().removeprefix("\ufeff"))
    except RecursionError as error:
        raise Invalid("The body is nested too deeply.", code="too_deep") from error
    except ValueError as error:
        raise Invalid("The body is not JSON.", code="bad_json") from error


def _too_large(limit: int) -> Invalid:
    return Invalid(f"The body inflates to more than {limit} bytes.", code="body_too_large")
