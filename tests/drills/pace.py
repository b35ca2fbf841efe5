"""How fast a drill runs: as in an installation, or every span of time divided by one number.

Real alerts wait minutes before they wake somebody, which is right for people and too long for each change of the code.
`SCALED` divides what is a span of time by 10: windows, `for` and intervals of the rules and the ages they compare
with, scrapes (15 s become 1.5 s), heartbeats, the looks of the witness, canary rounds. It changes no rule, no ratio,
no count, and no limit that the services judge themselves (an answer within 300 ms stays that). More than 10 would not
do: a connection that is not answered is given up after 10 s, and a window must be longer than that to see one failure
after the other. What is left untested by it is that the real spans are well chosen; `REAL` runs the files as they
ship.

Source: OPERATIONS.md 6 and 11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION: Final = r"(?:\d+(?:ms|[smhdw]))+"
_PART: Final = re.compile(r"(\d+)(ms|[smhdw])")
_WINDOW: Final = re.compile(rf"\[({_DURATION})(?::({_DURATION})?)?\]")
_OFFSET: Final = re.compile(rf"\boffset\s+(-?)({_DURATION})\b")
_AGE: Final = re.compile(r"_age_seconds|_timestamp_seconds")
_LIMIT: Final = re.compile(r"((?:>|>=|<|<=)\s*(?:bool\s+)?)(\d+)(?![\d.]|\s*\*)")
_SHORTEST_AGE: Final = 60
"""Smaller numbers beside an age count something else."""


@dataclass(frozen=True)
class Pace:
    """By what the spans of time are divided. Units: seconds unless said otherwise."""

    factor: int

    def span(self, seconds: float) -> float:
        """A span of an installation, in a drill."""
        return seconds / self.factor

    @property
    def scrape(self) -> str:
        """How often Prometheus scrapes and evaluates."""
        return duration(15 / self.factor)

    def settings(self) -> dict[str, str]:
        """What the services are told so that their own rhythm keeps step."""
        return {
            "KIZASHI_HEARTBEAT_SECONDS": f"{self.span(30):g}",
            "KIZASHI_KEY_REFRESH_SECONDS": f"{self.span(15):g}",
            "KIZASHI_WITNESS_SECONDS": f"{self.span(15):g}",
            "KIZASHI_CANARY_SCORE_EVERY_SECONDS": f"{self.span(30):g}",
            "KIZASHI_CANARY_SCORE_WAIT_SECONDS": f"{max(5.0, self.span(60)):g}",
            "KIZASHI_CANARY_ALERT_EVERY_SECONDS": f"{self.span(300):g}",
            "KIZASHI_CANARY_ALERT_WAIT_SECONDS": f"{max(8.0, self.span(120)):g}",
        }

    def rules(self, shipped: Path, folder: Path) -> Path:
        """The folder of rules to load: the shipped one, or its copy in this pace."""
        if self.factor == 1:
            return shipped
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(shipped.glob("*.yaml")):
            document = yaml.safe_load(file.read_text(encoding="utf-8"))
            (folder / file.name).write_text(yaml.safe_dump(self.scaled(document), sort_keys=False), encoding="utf-8")
        return folder

    def scaled(self, document: dict[str, Any]) -> dict[str, Any]:
        """A rule file in this pace."""
        for group in document["groups"]:
            self._shorten(group, "interval")
            for rule in group["rules"]:
                for name in ("for", "keep_firing_for"):
                    self._shorten(rule, name)
                rule["expr"] = self.expression(str(rule["expr"]))
        return document

    def expression(self, text: str) -> str:
        """An expression whose windows, offsets and compared ages are in this pace."""
        text = _WINDOW.sub(self._window, text)
        text = _OFFSET.sub(lambda found: f"offset {found[1]}{self._shorter(found[2])}", text)
        return _LIMIT.sub(self._limit, text) if _AGE.search(text) else text

    def _window(self, found: re.Match[str]) -> str:
        step = "" if ":" not in found[0] else ":" + (self._shorter(found[2]) if found[2] else "")
        return f"[{self._shorter(found[1])}{step}]"

    def _limit(self, found: re.Match[str]) -> str:
        number = int(found[2])
        return f"{found[1]}{self.span(number):g}" if number >= _SHORTEST_AGE else found[0]

    def _shorter(self, text: str) -> str:
        return duration(self.span(seconds_of(text)))

    def _shorten(self, place: dict[str, Any], name: str) -> None:
        if name in place:
            place[name] = self._shorter(str(place[name]))


def seconds_of(text: str) -> float:
    """A duration as Prometheus writes it, in seconds."""
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def duration(seconds: float) -> str:
    """Seconds as Prometheus reads them, to the millisecond."""
    return f"{round(seconds * 1000)}ms"


REAL: Final = Pace(1)
SCALED: Final = Pace(10)
