"""Format, checksum and hash of every key: those that send events, and those that use the API.

A key shows at sight what it is (its prefix) and whether it was typed right (its checksum, CRC-32 in base62), so a
scanner finds a leaked one and a typing error never costs a look-up. Only hashes are stored; a slow hash is for weak
secrets, and these have 190 random bits or more.

Source: INGEST.md 15 (`kzs_`, `kzw_`); GATEWAY.md 2 (`kza_`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final, Literal
from zlib import crc32

from kizashi_common.errors import Invalid

SourceKeyKind = Literal["server", "browser"]

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIXES: Final[dict[SourceKeyKind, str]] = {"server": "kzs_", "browser": "kzw_"}
API_PREFIX: Final = "kza_"

SOURCE_CHANCE_BYTES: Final = 32
"""Random bytes that `new_source_key` asks for: 32 characters of base62 hold 190 bits."""

API_CHANCE_BYTES: Final = 41
"""Random bytes that `new_api_key` asks for: 9 for the id, 32 for the secret."""

_SOURCE_KEY: Final = re.compile(r"kz[sw]_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")
_API_KEY: Final = re.compile(r"kza_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
_FOREIGN: Final = re.compile(r"[!-9;-~]{4,200}")
_HINT: Final = 6


def base62(number: int, width: int) -> str:
    """The last `width` base62 digits of a number, most significant first."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def checksum(body: str) -> str:
    """Six base62 characters that catch a typing error: the CRC-32 of the random characters."""
    return base62(crc32(body.encode()), 6)


def key_hash(key: str) -> bytes:
    """What is stored in place of a key, or of an API key's secret: SHA-256, 32 bytes."""
    return sha256(key.encode(errors="surrogatepass")).digest()


def same_hash(left: bytes, right: bytes) -> bool:
    """Two hashes are equal; takes equally long either way."""
    return compare_digest(left, right)


def new_source_key(kind: SourceKeyKind, chance: bytes) -> str:
    """A fresh source key.

    Shape: `chance` has `SOURCE_CHANCE_BYTES` random bytes; the same bytes make the same key.
    """
    body = base62(int.from_bytes(chance[:SOURCE_CHANCE_BYTES], "big"), 32)
    return f"{PREFIXES[kind]}{body}{checksum(body)}"


def is_mistyped(key: str) -> bool:
    """The key claims to be one of ours, and its form or checksum says that it cannot be."""
    if not key.startswith(("kzs_", "kzw_")):
        return False
    found = _SOURCE_KEY.fullmatch(key)
    return found is None or checksum(found[1]) != found[2]


def hint(key: str) -> str:
    """The first random characters of a source key: enough to tell keys apart, far too little to guess one."""
    body = key[4:] if key.startswith(("kzs_", "kzw_")) else key
    return body[: min(_HINT, len(body) // 2)]


def checked_foreign_key(key: str) -> str:
    """A key that another system made, taken over as given.

    Raises: Invalid unless it is 4 to 200 printable ASCII characters without `:` and space.
    """
    if _FOREIGN.fullmatch(key) is None:
        raise Invalid("A key is 4 to 200 printable ASCII characters, without colon and space.", code="invalid_key")
    return key


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key in its parts: `id` is stored and shown, of `secret` only `key_hash` is kept."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"{API_PREFIX}{self.id}_{self.secret}{checksum(self.secret)}"


def new_api_key(chance: bytes) -> ApiKey:
    """A fresh API key with 256 random bits in its secret.

    Shape: `chance` has `API_CHANCE_BYTES` random bytes; `str()` of the answer is the key as its holder sees it.
    """
    name = base62(int.from_bytes(chance[:9], "big"), 12)
    return ApiKey(name, base62(int.from_bytes(chance[9:API_CHANCE_BYTES], "big"), 43))


def parsed_api_key(key: str) -> ApiKey | None:
    """The parts of an API key, or None when its form or its checksum says that it cannot be one."""
    found = _API_KEY.fullmatch(key)
    if found is None or checksum(found[2]) != found[3]:
        return None
    return ApiKey(found[1], found[2])
