"""What an event says about its surroundings: kept to a short list, and read for channel, robots and the account.

The same few contexts arrive over and over (a server's SDK sends one), so what is read out of one is remembered by its
bytes; a pure function may be.

Source: INGEST.md 9 (places of the account), 13 (`data.context`, `data.channel`), 15 (privacy, bots).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from crawlerdetect import CrawlerDetect

from kizashi_common.contracts.events import Alteration, Channel
from kizashi_ingest.domain.attribution import Place, company
from kizashi_ingest.domain.clean import EMPTY, tidy, without_query
from kizashi_ingest.domain.notes import Notes

_REMEMBERED_BYTES: Final = 1_024
_HEADLESS: Final = re.compile(r"headless|phantomjs|electron/.*puppeteer|playwright", re.IGNORECASE)
_BROWSER: Final = re.compile(r"^analytics\.js|javascript|^web$|posthog-js$", re.IGNORECASE)
_MOBILE: Final = re.compile(r"ios|android|swift|kotlin|flutter|react-native", re.IGNORECASE)
_SERVER: Final = re.compile(r"python|node|java$|ruby|php|go$|dotnet|\.net|rust|server", re.IGNORECASE)
_STATED: Final[dict[str, Channel]] = {
    "server": "server",
    "web": "browser",
    "browser": "browser",
    "mobile": "mobile",
}


class _Library(msgspec.Struct):
    name: Any = None
    version: Any = None


class _Page(msgspec.Struct):
    path: Any = None
    url: Any = None
    referrer: Any = None
    title: Any = None


class _Read(msgspec.Struct, rename="camel"):
    group_id: Any = None
    group_id_snake: Any = msgspec.field(default=None, name="group_id")
    library: Any = None
    user_agent: Any = None
    locale: Any = None
    timezone: Any = None
    page: Any = None
    traits: msgspec.Raw = msgspec.Raw(EMPTY)


class _Kept(msgspec.Struct, omit_defaults=True):
    library: dict[str, str] | None = None
    user_agent: str | None = None
    locale: str | None = None
    timezone: str | None = None
    page: dict[str, str] | None = None


class Context(NamedTuple):
    """What was read out of a context. `kept` is what the envelope carries; `traits` are still raw.

    `group_ids` and `companies` are the places where it may name the account, of different rank.
    """

    kept: bytes
    group_ids: tuple[Place, ...]
    companies: tuple[Place, ...]
    traits: bytes
    library: str | None
    channel: Channel | None
    is_robot: bool
    warnings: tuple[Alteration, ...]


_READER: Final = msgspec.json.Decoder(_Read)
NOTHING: Final = Context(EMPTY, (), (), EMPTY, None, None, False, ())


def context_of(raw: bytes, notes: Notes) -> Context:
    """The context in a JSON value.

    Raises: Refused too_deep or number_too_large.
    """
    if raw == EMPTY:
        return NOTHING
    found = _remembered(raw) if len(raw) <= _REMEMBERED_BYTES else _read(raw)
    for warning in found.warnings:
        notes.add(warning.code, warning.pointer)
    return found


def _read(raw: bytes) -> Context:
    notes = Notes()
    read = _READER.decode(tidy(raw, "/context", notes))
    library = _names(read.library, ("name", "version"))
    name = library.get("name") if library else None
    agent = _text(read.user_agent)
    traits = bytes(read.traits)
    kept = _Kept(library, agent, _text(read.locale), _text(read.timezone), _page(read.page))
    return Context(
        msgspec.json.encode(kept),
        _group_ids(read),
        _companies(traits) if b'"company"' in traits else (),
        traits if traits.startswith(b"{") else EMPTY,
        f"{name}/{(library or {}).get('version', '')}" if name else None,
        channel_of_library(name) if name else None,
        agent is not None and is_robot(agent),
        tuple(notes.listed()),
    )


_remembered = lru_cache(maxsize=8_192)(_read)


def _group_ids(read: _Read) -> tuple[Place, ...]:
    found = ((read.group_id, "/context/groupId"), (read.group_id_snake, "/context/group_id"))
    return tuple(Place(value, "context", place, is_stated=True) for value, place in found if value is not None)


def _companies(traits: bytes) -> tuple[Place, ...]:
    members = msgspec.json.decode(traits)
    named = company(members.get("company")) if isinstance(members, dict) else None
    return () if named is None else (Place(named, "trait", "/context/traits/company/id"),)


def _text(value: Any) -> str | None:
    return value[:1_024] if isinstance(value, str) and value else None


def _names(value: Any, names: tuple[str, ...]) -> dict[str, str] | None:
    if not isinstance(value, dict):
        return None
    texts = {name: text for name in names if (text := _text(value.get(name))) is not None}
    return texts or None


def _page(value: Any) -> dict[str, str] | None:
    page = _names(value, ("path", "url", "referrer", "title"))
    if page is None:
        return None
    return {name: text if name == "title" else without_query(text) for name, text in page.items()}


@lru_cache(maxsize=1_024)
def channel_of_library(name: str) -> Channel | None:
    """Where a library runs; None when its name does not tell."""
    if _MOBILE.search(name):
        return "mobile"
    if _SERVER.search(name):
        return "server"
    return "browser" if _BROWSER.search(name) else None


def channel_stated(value: Any) -> Channel | None:
    """Where an event says that it comes from (RudderStack's `channel`)."""
    return _STATED.get(value) if isinstance(value, str) else None


_DETECTOR: Final = CrawlerDetect()


@lru_cache(maxsize=8_192)
def is_robot(agent: str) -> bool:
    """The user agent is a crawler or a headless browser."""
    return _HEADLESS.search(agent) is not None or bool(_DETECTOR.isCrawler(agent))
