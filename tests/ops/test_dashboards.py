"""The dashboards are what the generator writes, and keep every rule; each rule finds the fault planted for it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from deploy.observability.grafana.__main__ import DASHBOARDS, FOLDER, files, old
from deploy.observability.grafana.answers import panels

from tests.ops import dashboards_lint as lint
from tests.ops.dashboards_facts import Facts, alert_numbers, known_series, known_words, runbooks
from tests.ops.dashboards_lint import Json
from tests.ops.tools import ROOT

NAMES: Final = [dashboard.name for dashboard in DASHBOARDS]
PROVISIONING: Final = ROOT / "deploy" / "observability" / "grafana" / "provisioning"


def held(name: str) -> Json:
    """A dashboard as Grafana reads it."""
    read: Json = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return read


@pytest.fixture(scope="module")
def facts() -> Facts:
    every = [held(name) for name in NAMES]
    titles = {panel["title"] for one in every for panel in [*one["panels"], *panels(one)]}
    short = {one["title"].removeprefix("Kizashi / ") for one in every}
    marks = {mark["name"] for one in every for mark in one["annotations"]["list"]}
    series = known_series()
    return Facts(
        series=series,
        numbers=alert_numbers(),
        runbooks=runbooks(),
        dashboards=frozenset(one["uid"] for one in every),
        titles=frozenset(titles | short | marks),
        words=known_words(series),
    )


def test_the_committed_files_are_what_the_generator_writes() -> None:
    assert old() == []


def test_a_file_that_is_old_is_named(tmp_path: Path) -> None:
    for name, text in files().items():
        (tmp_path / name).write_text(text.replace("Kizashi / Health", "Kizashi / Wealth"), "utf-8")
    (tmp_path / "made-by-hand.json").write_text("{}")
    assert old(tmp_path) == ["health.json", "made-by-hand.json"]


@pytest.mark.parametrize("rule", lint.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_keeps_the_rule(name: str, rule: lint.Rule, facts: Facts) -> None:
    assert list(rule(held(name), facts)) == []


def _first(dashboard: Json, title: str) -> Json:
    return next(panel for panel in panels(dashboard) if panel["title"] == title)


def _ask(question: str) -> Callable[[Json], None]:
    def plant(dashboard: Json) -> None:
        _first(dashboard, "Lag")["targets"][0]["expr"] = question

    return plant


def _set(title: str, *path: str | int, to: Any) -> Callable[[Json], None]:
    def plant(dashboard: Json) -> None:
        place = _first(dashboard, title)
        for step in path[:-1]:
            place = place[step]  # type: ignore[index]
        place[path[-1]] = to  # type: ignore[index]

    return plant


def _whole(key: str, to: Any) -> Callable[[Json], None]:
    def plant(dashboard: Json) -> None:
        dashboard[key] = to

    return plant


_RATE: Final = "sum(rate(kizashi_consumer_rebalances_total[$__rate_interval]))"
_LEADS_NOWHERE: Final = [{"title": "?", "url": "${kizashi_url}/runbooks/KizashiNobody", "targetBlank": True}]
PLANTED: Final[dict[str, tuple[lint.Rule, Callable[[Json], None], str]]] = {
    "a bracket is missing": (lint.parses, _ask("sum(up"), "unclosed left parenthesis"),
    "a variable does not exist": (lint.parses, _ask('up{job="$job"}'), "no variable 'job'"),
    "a data source of one installation": (
        lint.source_is_a_variable,
        _set("Lag", "targets", 0, "datasource", to={"type": "prometheus", "uid": "PBFA97CFB590B2093"}),
        "its data source is no variable",
    ),
    "no title": (lint.is_explained, _set("Lag", "title", to=""), "no title"),
    "no unit": (lint.is_explained, _set("Lag", "fieldConfig", "defaults", "unit", to="secs"), "no unit that we know"),
    "no advice": (lint.is_explained, _set("Lag", "description", to="**Bad:** it grows."), "what to do"),
    "a counter as it is": (lint.counters_grow, _ask("kizashi_consumer_fenced_total"), "outside rate and increase"),
    "a histogram's count as it is": (
        lint.counters_grow, _ask("sum(kizashi_health_flush_seconds_count)"), "outside rate and increase",
    ),
    "a fixed range": (
        lint.rates_fit_the_picture, _ask(_RATE.replace("$__rate_interval", "5m")), "rate over 5m",
    ),
    "a metric that nobody declares": (lint.metrics_exist, _ask("kizashi_lag"), "no metric kizashi_lag"),
    "a label that the metric has not": (
        lint.metrics_exist, _ask('kizashi_consumer_lag_records{account="a"}'), "has no label account",
    ),
    "a value that the label never has": (
        lint.metrics_exist, _ask('kizashi_consumer_partitions{state="stoped"}'), "never has state=stoped",
    ),
    "grouped by a label that is not there": (
        lint.metrics_exist, _ask("sum by (x) (kizashi_consumer_lag_records)"), "nothing selected has label x",
    ),
    "a legend without its label": (
        lint.legends_hold, _set("Lag", "targets", 0, "legendFormat", to="{{partition}}"), "the answer has no partition",
    ),
    "no exemplars": (
        lint.traces_are_shown,
        _ask("sum by (le) (increase(kizashi_health_event_to_score_seconds_bucket[5m]))"),
        "exemplars are not asked for",
    ),
    "a line where no alert waits": (
        lint.lines_are_the_alerts,
        _set("Oldest input not in a score", "fieldConfig", "defaults", "thresholds", "steps", 2, "value", to=400),
        "no alert of its own waits at 400",
    ),
    "a runbook that is not written": (
        lint.links_lead_somewhere, _set("Lag", "links", to=_LEADS_NOWHERE), "KizashiNobody leads nowhere",
    ),
    "a panel that is called otherwise": (
        lint.words_lead_somewhere, _set("Lag", "description", to="**Do:** See *Lagg*."), "is called Lagg",
    ),
    "a word that nothing says": (
        lint.words_are_the_codes, _set("Lag", "description", to="**Do:** look for `slot_stoped`."), "slot_stoped",
    ),
    "two panels in one place": (lint.grid_is_whole, _set("Lag", "gridPos", "x", to=6), "overlap"),
    "a panel beside the grid": (lint.grid_is_whole, _set("Lag", "gridPos", "w", to=25), "out of the grid"),
    "one id twice": (lint.grid_is_whole, _set("Lag", "id", to=3), "one id"),
    "open to changes": (lint.is_ours, _whole("editable", True), "it can be edited"),
    "another uid": (lint.is_ours, _whole("uid", "health"), "uid health"),
    "no variables": (lint.is_ours, _whole("templating", {"list": []}), "variables"),
    "no way to the others": (lint.is_ours, _whole("links", []), "no link"),
    "no mark of a version": (lint.is_ours, _whole("annotations", {"list": []}), "no mark"),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault: str, facts: Facts) -> None:
    rule, plant, said = PLANTED[fault]
    sound = held("health")
    broken = copy.deepcopy(sound)
    plant(broken)
    assert [sentence for sentence in rule(broken, facts) if said in sentence]
    assert not [sentence for sentence in rule(sound, facts) if said in sentence]


def test_too_many_panels_are_found(facts: Facts) -> None:
    crowded = held("health")
    crowded["panels"] += [copy.deepcopy(crowded["panels"][1])]
    assert "21 panels, 20 are allowed" in list(lint.is_ours(crowded, facts))


def test_what_grafana_is_given_at_its_start_fits_together() -> None:
    source = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())["datasources"][0]
    provider = yaml.safe_load((PROVISIONING / "dashboards" / "kizashi.yaml").read_text())["providers"][0]
    watched = yaml.safe_load((ROOT / "deploy" / "observability" / "prometheus" / "prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == watched["global"]["scrape_interval"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
