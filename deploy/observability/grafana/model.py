"""What a dashboard is before it is Grafana's JSON: rows of panels, each with its questions and its words.

A panel says what bad looks like and what to do about it, or it is not made. Where a line is drawn at a value, the line
names the alert that waits beyond it, so that picture and pager agree.

Source: OPERATIONS.md 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Json = dict[str, Any]
Colour = Literal["green", "yellow", "orange", "red", "dark-red", "blue", "purple", "text"]

PER_SECOND: Final = "suffix:/s"
PER_MINUTE: Final = "suffix:/min"
"""Units of counts that Grafana has no word for."""

FULL_WIDTH: Final = 24
"""Grafana's grid has so many columns."""


@dataclass(frozen=True)
class Query:
    """One question to Prometheus.

    Shape: `legend` is Grafana's template, with `{{label}}`; `exemplars` asks for the traces behind a histogram.
    """

    expr: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True)
class Line:
    """A value from which on a panel takes a colour.

    Shape: `alert` names the alert whose condition uses this value (a test compares the two); empty where no alert
    waits, which is for colours of a tile alone.
    """

    value: float
    colour: Colour
    alert: str = ""


@dataclass(frozen=True)
class Meaning:
    """The word and the colour of a value that is a state and no quantity."""

    word: str
    colour: Colour


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What all kinds share.

    Shape: `bad` and `do` are sentences; `width` of 24 columns, `height` in rows of Grafana's grid; `calm` is the colour
    below the first line; `runbooks` are names of alerts, besides those of the lines; `none` is shown for no data.
    """

    title: str
    unit: str
    bad: str
    do: str
    queries: Sequence[Query]
    width: int = 8
    height: int = 7
    lines: Sequence[Line] = ()
    calm: Colour = "green"
    runbooks: Sequence[str] = ()
    decimals: int | None = None
    none: str = ""

    def alerts(self) -> list[str]:
        """The alerts that this panel helps with, each once, in order."""
        return list(dict.fromkeys([*(line.alert for line in self.lines if line.alert), *self.runbooks]))


@dataclass(frozen=True, kw_only=True)
class TimeSeries(Panel):
    """Lines over time.

    Shape: `colours` by legend, for words that have a colour of their own; `least_top` keeps a quiet axis from making
    mountains of noise; `top` ends the axis.
    """

    stacked: bool = False
    colours: Mapping[str, Colour] = field(default_factory=dict)
    least_top: float | None = None
    top: float | None = None
    unit_of: Mapping[str, str] = field(default_factory=dict)
    """Units of legends that differ from the panel's; their axis stands on the right."""


@dataclass(frozen=True, kw_only=True)
class Stat(Panel):
    """One large figure for each query.

    Shape: `filled` colours the whole tile, else the figure alone; `trend` draws the past behind it; `meanings` give
    words to states; `named` writes the legend beside the figure; `rows` puts figures below each other.
    """

    filled: bool = False
    trend: bool = True
    named: bool = True
    rows: bool = False
    meanings: Mapping[int, Meaning] = field(default_factory=dict)
    leads_to: Mapping[str, str] = field(default_factory=dict)
    """The dashboard that a click on a legend's tile opens."""


@dataclass(frozen=True, kw_only=True)
class Heatmap(Panel):
    """Buckets of a histogram over time: where the mass is, and whether a second crowd appears."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table: the field it shows, its title, and how.

    Shape: `of` is a label, or `Value #A` for the figure of the first query; `alert_link` leads to the runbook that
    the cell names; `lines` colour the cell.
    """

    of: str
    title: str
    unit: str = ""
    width: int | None = None
    alert_link: bool = False
    lines: Sequence[Line] = ()
    words: Mapping[str, Colour] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Table(Panel):
    """What is true now, one row each. Labels that no column shows are hidden."""

    columns: Sequence[Column]
    sort_by: str
    ascending: bool = False


@dataclass(frozen=True, kw_only=True)
class State(Panel):
    """Bands of colour over time, one for each thing that is in one state or another."""

    meanings: Mapping[int, Meaning]


@dataclass(frozen=True)
class Row:
    """A titled group of panels; a closed one opens at a click and asks nothing until then."""

    title: str
    panels: Sequence[Panel]
    closed: bool = False


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One page.

    Shape: `name` is the file and, with `kizashi-` before it, the uid that links keep; `service` fixes the variable of
    that name, empty lets the reader choose.
    """

    name: str
    title: str
    description: str
    rows: Sequence[Row]
    service: str = ""

    @property
    def uid(self) -> str:
        """What links to this dashboard are made of."""
        return f"kizashi-{self.name}"
