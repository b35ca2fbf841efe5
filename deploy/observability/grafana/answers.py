"""Asks a Prometheus what Grafana would ask it: the dashboard's variables by their live values, its `$__` by numbers.

The check of the dashboards and their pictures both stand on this, so both see what Grafana would see.

Source: OPERATIONS.md 7.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, NamedTuple

from deploy.observability.grafana.model import Json

_LABEL_VALUES: Final = re.compile(r"label_values\((?P<selector>.*),\s*(?P<label>\w+)\)")


class Span(NamedTuple):
    """The stretch of time that a dashboard shows. Units: seconds, `start` and `end` since 1970."""

    start: float
    end: float
    step: float
    rate: int


@dataclass(frozen=True)
class Answer:
    """What came back for one question; `said` is Prometheus's own words where it was not content."""

    said: tuple[str, ...]
    series: tuple[tuple[Mapping[str, str], tuple[tuple[float, float], ...]], ...]

    @property
    def has_a_figure(self) -> bool:
        """Whether there is a point that is a number; NaN and infinity are none."""
        return any(isfinite(value) for _, points in self.series for _, value in points)


@dataclass(frozen=True)
class Source:
    """A Prometheus at an address."""

    address: str

    def values(self, dashboard: Json, span: Span) -> dict[str, str]:
        """Every variable's value with all live ones chosen, each in turn, since one may be asked by another."""
        values = {
            "__rate_interval": f"{span.rate}s",
            "__interval": f"{span.step:.0f}s",
            "__range": f"{span.end - span.start:.0f}s",
        }
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                values[variable["name"]] = self._all(substituted(variable["query"]["query"], values), span)
            else:
                values[variable["name"]] = variable["query"]
        return values

    def over(self, question: str, span: Span) -> Answer:
        """The answer over the whole span; `question` has no variables."""
        return self._answer("query_range", query=question, start=span.start, end=span.end, step=span.step)

    def now(self, question: str, span: Span) -> Answer:
        """The answer at the span's end."""
        return self._answer("query", query=question, time=span.end)

    def _all(self, question: str, span: Span) -> str:
        found = _LABEL_VALUES.fullmatch(question)
        if found is None:
            raise ValueError(f"not a question for a label's values: {question}")
        said = self._get(f"label/{found['label']}/values", **{"match[]": found["selector"]}, start=span.start)
        return "|".join(re.escape(value).replace("\\", "\\\\") for value in said["data"])

    def _answer(self, path: str, **parameters: str | float) -> Answer:
        said = self._get(path, **parameters)
        words = [said["error"]] if said["status"] != "success" else []
        words += [*said.get("warnings", ()), *said.get("infos", ())]
        found = said.get("data", {}).get("result", ())
        series = (
            (one["metric"], tuple((float(at), float(value)) for at, value in one.get("values", [one.get("value")])))
            for one in found
        )
        return Answer(tuple(words), tuple(series))

    def _get(self, path: str, **parameters: str | float) -> Any:
        address = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"not the address of a Prometheus: {self.address}")
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - the scheme was looked at
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            return json.load(refused)


def panels(dashboard: Json) -> list[Json]:
    """All panels, also those in closed rows; rows are none."""
    found: list[Json] = []
    for panel in dashboard["panels"]:
        found += panel["panels"] if panel["type"] == "row" else [panel]
    return found


def questions(dashboard: Json) -> Iterator[tuple[str, str]]:
    """Each question with the title of its panel, or the name of its mark."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for mark in dashboard["annotations"]["list"]:
        yield mark["name"], mark["expr"]


def substituted(question: str, values: Mapping[str, str]) -> str:
    """The question with every `$name` and `${name}` replaced. Raises: KeyError for a name without a value."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: values[found[1] or found[2]], question)
