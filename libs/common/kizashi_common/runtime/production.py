"""What production refuses: settings that work everywhere and are safe nowhere, each named.

Found in what was said and not in what was read, so that they are told together with every other fault.

Source: OPERATIONS.md 0, "One name space of settings".
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from kizashi_common.errors import Fault
from kizashi_common.runtime.settings import FILE, Settings, value_of

_ENV: Final = "KIZASHI_ENV"
_SINGLE: Final = "KIZASHI_ALLOW_SINGLE_NODE"
_DATABASE: Final = "KIZASHI_DATABASE_URL"
_MASTER: Final = "KIZASHI_MASTER_KEYS"
_REPLICATION: Final = "KIZASHI_KAFKA_REPLICATION"
_ENCRYPTED: Final = ("SSL", "SASL_SSL")
_YES: Final = ("1", "true", "yes", "on", "t", "y")

SHORTEST: Final = 16
"""Characters of a secret that people do not choose."""

_FEW: Final = 8
_FEW_BYTES: Final = 16
"""Different characters, and different bytes of a key of 32, below which chance did not make it."""

_WORDS: Final = ("change", "default", "example", "kizashi", "password", "postgres", "secret")


def unsafe(environment: Mapping[str, str], classes: Iterable[type[Settings]]) -> list[Fault]:
    """Every setting of these classes that production refuses; nothing outside production."""
    if environment.get(_ENV) != "production":
        return []
    known = list(classes)
    names = frozenset().union(*(cls.names() for cls in known))
    told = {name: text for name in names if (text := _text(name, environment)) is not None}
    secrets = sorted(frozenset().union(*(cls.secrets() for cls in known)))
    return [*_secrets(environment, told, secrets), *_modes(told, names)]


def _text(name: str, environment: Mapping[str, str]) -> str | None:
    try:
        return value_of(name, environment)
    except (OSError, UnicodeDecodeError):
        return None  # told as a fault of its own by `Settings.judged`


def _secrets(environment: Mapping[str, str], told: Mapping[str, str], names: Iterable[str]) -> Iterator[Fault]:
    for name in names:
        if not told.get(name):
            continue
        if name in environment:
            yield Fault(name, "plain_secret", f"production takes secrets from files: say {name}{FILE}")
        if why := _weak(name, told[name]):
            yield Fault(name, "weak_secret", f"production refuses {why}")


def _weak(name: str, value: str) -> str | None:
    if name == _MASTER:
        return "a key that chance did not make" if any(map(_is_made_up, value.split(","))) else None
    secret = unquote(urlsplit(value).password or "") if name == _DATABASE else value
    if len(secret) < SHORTEST:
        return f"a secret of fewer than {SHORTEST} characters"
    if len(set(secret)) < _FEW or any(word in secret.lower() for word in _WORDS):
        return "a secret that is a default or an example"
    return None


def _is_made_up(text: str) -> bool:
    try:
        return len(set(b64decode(text.strip(), validate=True))) < _FEW_BYTES
    except Error:
        return False  # no key at all, which the setting itself says


def _modes(told: Mapping[str, str], known: frozenset[str]) -> Iterator[Fault]:
    if told.get("KIZASHI_KAFKA_PROFILE") == "volatile":
        yield Fault("KIZASHI_KAFKA_PROFILE", "volatile", "production refuses a broker that forgets")
    if told.get("KIZASHI_FAILPOINTS"):
        yield Fault("KIZASHI_FAILPOINTS", "failpoints", "production refuses steps at which the process ends")
    if told.get("KIZASHI_KAFKA_SECURITY_PROTOCOL") not in _ENCRYPTED:
        said = "production refuses Kafka in plain text: SSL or SASL_SSL is wanted"
        yield Fault("KIZASHI_KAFKA_SECURITY_PROTOCOL", "plain_text", said)
    is_alone = told.get(_REPLICATION) == "1" and _REPLICATION in known
    if is_alone and told.get(_SINGLE, "").lower() not in _YES:
        yield Fault(_REPLICATION, "single_copy", f"production refuses one copy of each record, unless {_SINGLE}=1")
