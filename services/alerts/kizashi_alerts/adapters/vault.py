"""Secrets at rest: AES-256-GCM under the first master key; the others only decrypt, so keys can be rotated.

The place of a secret is authenticated with it: a ciphertext copied into another row does not open there.

Source: ALERTS.md 11, "Secrets at rest".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kizashi_common.errors import Absent

_NONCE_BYTES: Final = 12


class Sealed(NamedTuple):
    """A secret as it rests: which key opens it, and nonce plus ciphertext."""

    key_id: str
    ciphertext: bytes


class Place(NamedTuple):
    """Where a secret rests."""

    workspace: str
    table: str
    row: str
    column: str

    @property
    def authenticated(self) -> bytes:
        """The place as associated data; the lengths keep two places from reading alike."""
        return "".join(f"{len(part)}:{part}" for part in self).encode()


class Vault:
    """Seals and opens. `keys` are 32 bytes each, the sealing one first; `chance` gives random bytes."""

    def __init__(self, keys: Sequence[bytes], chance: Callable[[int], bytes]) -> None:
        self._keys = {key_id(key): AESGCM(key) for key in keys}
        self._first = key_id(keys[0])
        self._chance = chance

    def seal(self, secret: str, place: Place) -> Sealed:
        """The secret, closed."""
        nonce = self._chance(_NONCE_BYTES)
        closed = self._keys[self._first].encrypt(nonce, secret.encode(), place.authenticated)
        return Sealed(self._first, nonce + closed)

    def open(self, sealed: Sealed, place: Place) -> str:
        """The secret. Raises: Absent when no key we have opens it at this place."""
        key = self._keys.get(sealed.key_id)
        if key is None:
            raise Absent("The master key of this secret is not among ours.", code="key_missing")
        nonce, closed = sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:]
        try:
            return key.decrypt(nonce, closed, place.authenticated).decode()
        except (InvalidTag, ValueError) as error:
            # The second: cut short, it cannot even be tried; one damaged row must not end the process.
            raise Absent("This secret does not belong here.", code="key_missing") from error


def key_id(key: bytes) -> str:
    """Names a key without telling anything of it."""
    return sha256(b"kizashi master key\x00" + key).hexdigest()[:16]
