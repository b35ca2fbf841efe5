"""The pictures show what Grafana would: figures in their units, colours by their lines, every kind of panel."""

from __future__ import annotations

from io import BytesIO
from math import nan

import pytest
from deploy.observability.grafana.answers import Answer, Source, Span
from deploy.observability.grafana.model import Json
from deploy.observability.grafana.pictures.__main__ import COLUMN, picture
from deploy.observability.grafana.pictures.draw import legend_of
from deploy.observability.grafana.pictures.looks import NAMED, colour_at, said
from PIL import Image

from tests.ops.test_dashboards import NAMES, held

SPAN = Span(1_000.0, 1_300.0, 10.0, 60)


class Twin(Source):
    """Answers every question with the same two series, of which the second has a hole."""

    def values(self, dashboard: Json, span: Span) -> dict[str, str]:
        names = [one["name"] for one in dashboard["templating"]["list"]]
        return dict.fromkeys([*names, "__rate_interval", "__interval", "__range"], "1m")

    def over(self, question: str, span: Span) -> Answer:
        times = [span.start + 10 * number for number in range(31)]
        rising = tuple((at, float(number)) for number, at in enumerate(times))
        holed = tuple((at, nan if number == 7 else 1.0) for number, at in enumerate(times))
        return Answer((), (({"le": "1", "service": "ingest"}, rising), ({"le": "2", "service": "health"}, holed)))

    def now(self, question: str, span: Span) -> Answer:
        return Answer((), (({"service": "ingest", "severity": "page"}, ((span.end, 2.0),)),))


class Silent(Twin):
    """Has nothing to say."""

    def over(self, question: str, span: Span) -> Answer:
        return Answer((), ())

    now = over


@pytest.mark.parametrize("source", [Twin("http://twin"), Silent("http://silent")], ids=["data", "no data"])
@pytest.mark.parametrize("name", NAMES)
def test_every_dashboard_can_be_drawn_small_enough_to_keep(name: str, source: Source) -> None:
    drawn = picture(source, held(name), SPAN)
    image = Image.open(BytesIO(drawn))
    assert image.width == 24 * COLUMN
    assert len(drawn) < 150_000


@pytest.mark.parametrize(
    ("value", "unit", "wanted"),
    [
        (0.25, "s", "250 ms"), (90, "s", "1.5 min"), (0, "s", "0 s"), (1_536, "bytes", "1.5 KiB"),
        (0.999, "percentunit", "99.9%"), (12_000, "eps", "12 K evt/s"), (3, "short", "3"),
    ],
)  # fmt: skip
def test_a_figure_is_written_in_its_unit(value: float, unit: str, wanted: str) -> None:
    assert said(value, unit) == wanted


def test_a_value_takes_the_colour_of_the_last_line_it_reached() -> None:
    lines = {"steps": [{"color": "green", "value": None}, {"color": "red", "value": 300}]}
    assert [colour_at(value, lines) for value in (299, 300)] == [NAMED["green"], NAMED["red"]]


def test_a_legend_is_filled_from_labels() -> None:
    assert legend_of("{{ service }} p95", {"service": "ingest"}) == "ingest p95"
    assert legend_of("__auto", {"route": "/v1/events"}) == "/v1/events"
