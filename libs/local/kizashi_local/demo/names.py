"""What the customers of the demo's vendor are called: all made up, some in Japanese, the planted ones easy to remember.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from kizashi_local.demo.chance import Draws

Story = Literal["growing", "steady", "fading", "silent", "never_activated", "seat_pressed", "left"]


class Named(NamedTuple):
    """A company: the id that the vendor's systems have for it, and what people call it."""

    external_id: str
    name: str


PLANTED: Final[Mapping[Story, tuple[Named, ...]]] = {
    "growing": (
        Named("bamboo-spring", "Bamboo Spring Robotics"),
        Named("wakatake-tech", "若竹テクノロジー"),
        Named("rising-loaf", "Rising Loaf Bakeries"),
        Named("tall-ladder", "Tall Ladder Recruiting"),
        Named("mebuki-soft", "芽吹きソフト"),
    ),
    "fading": (
        Named("dusklight", "Dusklight Logistics"),
        Named("yunagi-suisan", "夕凪水産"),
        Named("waning-moon", "Waning Moon Breweries"),
        Named("slow-leak", "Slow Leak Plumbing"),
        Named("ochiba-shuppan", "落葉出版"),
        Named("low-tide", "Low Tide Marinas"),
    ),
    "silent": (
        Named("quietwater", "Quietwater Insurance"),
        Named("seijakudo", "静寂堂"),
        Named("stopped-clock", "Stopped Clock Antiques"),
        Named("hushfield", "Hushfield Broadcasting"),
        Named("muon-gakki", "無音楽器"),
    ),
    "never_activated": (
        Named("unopened-box", "Unopened Box Trading"),
        Named("tsundoku-shoten", "積ん読書店"),
        Named("tomorrow-maybe", "Tomorrow Maybe Consulting"),
        Named("snoozing-bear", "Snoozing Bear Camps"),
    ),
    "seat_pressed": (
        Named("full-house", "Full House Clinics"),
        Named("manseki-dining", "満席ダイニング"),
        Named("last-chair", "Last Chair Schools"),
        Named("crowded-kitchen", "Crowded Kitchen Foods"),
    ),
    "left": (Named("closing-time", "Closing Time Theatres"), Named("sayonara-bunko", "さよなら文庫")),
    "steady": (
        Named("even-keel", "Even Keel Shipyards"),
        Named("heijitsu-do", "平日堂"),
        Named("clockwork-mills", "Clockwork Mills"),
    ),
}
"""Those whom the README and the tests call by name; the first of each story are these."""

_WEST: Final = (
    *("Larkmoor", "Brackenfell", "Quillhaven", "Ostermere", "Thistlewick", "Pellworth", "Marrowby", "Cindermill"),
    *("Vexholm", "Tarnbrook", "Wolderby", "Hazelmark", "Grindleby", "Stavenhof", "Lindgard", "Morvenne"),
)
_WEST_TRADES: Final = ("Freight", "Dental", "Analytics", "Foods", "Textiles", "Travel", "Gardens", "Tooling")
_JAPAN: Final = (
    *(("komorebi", "木漏れ日"), ("kazahana", "風花"), ("yukishiro", "雪代"), ("hatsunagi", "初凪")),
    *(("oborozuki", "朧月"), ("nijimatsu", "虹松"), ("asatsuyu", "朝露"), ("akanegumo", "茜雲")),
    *(("hoshikaze", "星風"), ("kusabue", "草笛"), ("minasoko", "水底"), ("tsukimori", "月森")),
)
_JAPAN_TRADES: Final = (
    *(("butsuryu", "物流"), ("shoji", "商事"), ("shokuhin", "食品"), ("kenchiku", "建築")),
    *(("insatsu", "印刷"), ("kizai", "機材"), ("ryoko", "旅行"), ("yakuhin", "薬品")),
)
_GIVEN: Final = (
    *("aiko", "anna", "bruno", "chie", "clara", "daichi", "emil", "fumi", "greta", "haruto", "ines", "jun"),
    *("kaito", "lena", "marco", "mika", "nora", "oskar", "petra", "rei", "sora", "tomas", "yui", "zoe"),
)
_FAMILY: Final = (
    *("abe", "berg", "costa", "doi", "egger", "fujita", "grant", "hara", "ito", "jansen", "kato", "lund"),
    *("mori", "novak", "ono", "pohl", "rossi", "sato", "tanaka", "ueda", "vogel", "weiss", "yano"),
)


def companies() -> Iterator[Named]:
    """Names for all the others, each once, East and West in turn."""
    draws = Draws("names")
    west = [Named(f"{first}-{trade}".lower(), f"{first} {trade}") for first in _WEST for trade in _WEST_TRADES]
    japan = [Named(f"{a}-{b}", f"{first}{trade}") for a, first in _JAPAN for b, trade in _JAPAN_TRADES]
    for one, other in zip(draws.shuffled(west), draws.shuffled(japan), strict=False):
        yield one
        yield other


def people(external_id: str, how_many: int) -> tuple[str, ...]:
    """The people of a company: what the product calls them, each once."""
    first = Draws("people", external_id).below(len(_GIVEN) * len(_FAMILY))
    # The two lists' lengths share no divisor, so counting through both in step meets every pair once.
    return tuple(
        f"{_GIVEN[place % len(_GIVEN)]}.{_FAMILY[place % len(_FAMILY)]}@{external_id}.example"
        for place in range(first, first + how_many)
    )
