"""Which action a name stands for: the built-in mapping, default@1.

A pure function of fields that the envelope keeps, so a draft of another mapping can be tried on recent events.

Source: INGEST.md 11.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, cast, get_args
from unicodedata import normalize

from kizashi_common.contracts.events import Action
from kizashi_ingest.domain.limits import NAME_CHARACTERS
from kizashi_ingest.domain.notes import Notes, Refused

DEFAULT: Final = "default@1"
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
MOST_QUANTITY: Final = 1_000_000

Call = Literal["track", "identify", "group", "page", "screen", "alias"]
Decision = Literal["login", "feature_used", "page", "identify", "group", "alias", "other", "ignored"]

_RUN: Final = re.compile(r"[\s_\-./:]+")
_SPACE: Final = re.compile(r"\s+")
_ID_PART: Final = re.compile(
    r"(?<![0-9a-z])(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9]{6,}|[0-9a-f]{12,})(?![0-9a-z])"
)

_BY_CALL: Final[dict[str, Decision]] = {
    "identify": "identify",
    "group": "group",
    "alias": "alias",
    "page": "page",
    "screen": "page",
}
_NAMES: Final[dict[Decision, tuple[str, ...]]] = {
    "identify": ("$identify", "$set", "$set_once"),
    "group": ("$groupidentify",),
    "alias": ("$create_alias", "$merge_dangerously"),
    "page": ("$pageview", "$screen"),
    "ignored": (
        *("$pageleave", "$autocapture", "$rageclick", "$dead_click", "$copy_autocapture", "$web_vitals", "$$heatmap"),
        *("$snapshot", "$performance_event", "$feature_flag_called", "$opt_in", "$csp_violation"),
    ),
    "login": (
        *("signed in", "logged in", "sign in", "log in", "login", "user signed in", "user logged in", "user login"),
        "session started",
    ),
}


@lru_cache(maxsize=65_536)
def comparable(name: str) -> str:
    """A name as names compare: NFKC, without case, every run of separators one space."""
    return _RUN.sub(" ", normalize("NFKC", name).casefold()).strip()


_BY_NAME: Final[dict[str, Decision]] = {
    comparable(name): decision for decision, names in _NAMES.items() for name in names
}


class Mapped(NamedTuple):
    """What an event is. `action` None: answered as accepted, counted, not published."""

    action: Action | None
    feature: str | None


class Stated(NamedTuple):
    """What the item says itself: its call, its name, its action (native), and candidates for its feature in order."""

    call: Call
    name: str | None
    action: Action | None
    features: tuple[Any, ...]


def mapped(stated: Stated, notes: Notes) -> Mapped:
    """The action, and the feature where one is used.

    Raises: Refused name_too_long for a feature that is no name.
    """
    action = stated.action or _BY_CALL.get(stated.call) or _BY_NAME.get(comparable(stated.name or ""))
    if action == "ignored":
        return Mapped(None, None)
    if action is not None and action != "feature_used":
        return Mapped(cast("Action", action), None)
    feature = _feature(stated.features)
    if feature is not None:
        return Mapped("feature_used", feature)
    if action == "feature_used" or comparable(stated.name or "") == "feature used":
        notes.add("feature_missing")
    return Mapped("other", None)


def _feature(candidates: tuple[Any, ...]) -> str | None:
    for candidate in candidates:
        if isinstance(candidate, str):
            feature = normal_feature(candidate)
            if len(feature) > NAME_CHARACTERS:
                raise Refused("name_too_long", "", f"A feature has at most {NAME_CHARACTERS} characters.")
            if feature:
                return feature
    return None


@lru_cache(maxsize=65_536)
def normal_feature(feature: str) -> str:
    """A feature as it is counted: without case and white space, ids inside it replaced by `:id`."""
    plain = _SPACE.sub("_", normalize("NFKC", feature).casefold().strip())
    return _ID_PART.sub(":id", plain)


def quantity(*candidates: Any) -> int:
    """How many: the first whole number from one to a million, else one."""
    for candidate in candidates:
        if isinstance(candidate, int) and not isinstance(candidate, bool) and 1 <= candidate <= MOST_QUANTITY:
            return candidate
    return 1
