"""Every question of every dashboard, asked of a Prometheus that watched the product under load and faults."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Final

import pytest
from deploy.observability.grafana.answers import Answer, Source, Span, panels, questions, substituted
from deploy.observability.grafana.model import Json
from deploy.observability.grafana.verdicts import BROKEN, FINE

from tests.ops.dashboards_live import Watched, family, frozen, reasons, watched
from tests.ops.dashboards_promql import STANDING_FOR
from tests.ops.test_dashboards import NAMES, held
from tests.ops.tools import ROOT, needed
from tests.stories.harness import eventually

MAY_BE_EMPTY: Final = ROOT / "deploy" / "observability" / "grafana" / "may_be_empty.yaml"
LOADED_SECONDS: Final = 40
SEEN_SECONDS: Final = 45
"""A verdict looks at one rate interval, here 20 s; the rest is for the answers that a request waits for first."""
SOON_SECONDS: Final = 60


def unanswered(source: Source, span: Span, excused: dict[str, dict[str, str]]) -> Iterator[str]:
    """A sentence for each question that Prometheus did not like, or that found nothing and has no reason to."""
    for name in NAMES:
        dashboard = held(name)
        values = source.values(dashboard, span)
        for title, question in questions(dashboard):
            asked = substituted(question, values)
            answer = source.over(asked, span)
            yield from (f"{name}, {title}: {word}: {asked}" for word in answer.said)
            if not answer.said and not answer.has_a_figure and title not in excused.get(name, {}):
                yield f"{name}, {title}: nothing came back: {asked}"


@dataclass(frozen=True)
class Twin(Source):
    """Knows the variables, and gives every question the same answer."""

    answer: Answer

    def values(self, dashboard: Json, span: Span) -> dict[str, str]:
        return STANDING_FOR | {"kizashi_url": "", "datasource": ""}

    def over(self, question: str, span: Span) -> Answer:
        return self.answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer((), ()), "health, Lag: nothing came back"),
        (Answer((), (({}, ((1.0, nan),)),)), "health, Lag: nothing came back"),
        (Answer(("PromQL info: metric might not be a counter",), (({}, ((1.0, 2.0),)),)), "might not be a counter"),
        (Answer((), (({}, ((1.0, 2.0),)),)), None),
    ],
    ids=["nothing", "no number", "a remark", "a figure"],
)
def test_what_is_not_answered_is_reported_unless_it_is_excused(answer: Answer, said: str | None) -> None:
    span = Span(0, 60, 15, 60)
    every = list(unanswered(Twin("http://twin", answer), span, {}))
    assert any(said in fault for fault in every) if said else every == []
    excused = {"health": {"Lag": "there is none"}}
    assert not [
        fault for fault in unanswered(Twin("http://twin", answer), span, excused) if "health, Lag: nothing" in fault
    ]


def test_only_panels_that_exist_are_excused() -> None:
    for name, excused in reasons(MAY_BE_EMPTY).items():
        titles = {panel["title"] for panel in panels(held(name))}
        assert excused.keys() <= titles
        assert all(len(reason) > 20 for reason in excused.values())


def tiles(watching: Watched) -> dict[str, float]:
    """The first line of the overview: each part and its verdict now."""
    overview, span = held("overview"), watching.span()
    values = watching.source.values(overview, span)
    found = {}
    for target in panels(overview)[0]["targets"]:
        answer = watching.source.now(substituted(target["expr"], values), span)
        assert len(answer.series) == 1, f"{target['legendFormat']}: a tile has one verdict at any time"
        found[target["legendFormat"]] = answer.series[0][1][-1][1]
    return found


async def _verdict(watching: Watched, wanted: Mapping[str, int], seconds: float) -> None:
    """Waits until the overview's tiles say so."""
    await eventually(
        lambda: asyncio.to_thread(tiles, watching), lambda said: wanted.items() <= said.items(), seconds=seconds
    )


@pytest.mark.story
async def test_every_question_is_answered_and_what_is_frozen_shows_first() -> None:
    needed("prometheus")
    folder = Path(tempfile.mkdtemp(prefix="kizashi-dashboards-"))
    folder.chmod(0o711)
    try:
        async with watched(folder, LOADED_SECONDS) as watching:
            await _verdict(watching, {"Kafka": FINE, "PostgreSQL": FINE, "Ingest": FINE}, SOON_SECONDS)
            async with frozen(watching.child("broker")):
                await _verdict(watching, {"Kafka": BROKEN, "PostgreSQL": FINE, "Ingest": BROKEN}, SEEN_SECONDS)
                async with frozen(*family(watching.child("postgres"))):
                    await _verdict(watching, {"PostgreSQL": BROKEN}, SEEN_SECONDS)
            await _verdict(watching, {"Kafka": FINE, "PostgreSQL": FINE}, SOON_SECONDS)
            faults = list(unanswered(watching.source, watching.span(), reasons(MAY_BE_EMPTY)))
        assert faults == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)
