"""What every dashboard must be, read from the JSON that Grafana gets: so a file changed by hand is found as well.

Each rule is one function from a dashboard and the facts to sentences, one for each fault.

Source: OPERATIONS.md 7, "lint".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, Final

from deploy.observability.grafana.answers import panels, questions, substituted
from deploy.observability.grafana.model import PER_MINUTE, PER_SECOND

from tests.ops.dashboards_facts import OF_THE_TARGET, TRACED, Facts
from tests.ops.dashboards_promql import GROWTH, PLAIN, STANDING_FOR, Taken, legend_labels, taken_apart

Json = dict[str, Any]
Rule = Callable[[Json, Facts], Iterator[str]]

MOST_PANELS: Final = 20
GRID: Final = 24
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
UNITS: Final = frozenset(
    ("none", "short", "s", "bytes", "percentunit", "eps", "reqps", PER_SECOND, PER_MINUTE, "recps", "rowsps", "mps")
)
"""Grafana's names of units that we use; a misspelt one would be written behind the figure as it stands."""
OTHER_WORDS: Final = frozenset(("livez", "relay"))
"""A probe and a worker."""


def _taken(dashboard: Json) -> Iterator[tuple[str, Taken]]:
    for where, question in questions(dashboard):
        try:
            yield where, taken_apart(question)
        except (ValueError, KeyError):
            continue


def parses(dashboard: Json, facts: Facts) -> Iterator[str]:
    """Every question is PromQL, once variables that exist have values."""
    for where, question in questions(dashboard):
        try:
            taken_apart(question)
        except KeyError as unknown:
            yield f"{where}: no variable {unknown}"
        except ValueError as wrong:
            yield f"{where}: {wrong}: {substituted(question, STANDING_FOR)}"


def source_is_a_variable(dashboard: Json, facts: Facts) -> Iterator[str]:
    """Nothing names a data source of one installation."""
    asking = [("mark", mark) for mark in dashboard["annotations"]["list"]]
    asking += [("variable", one) for one in dashboard["templating"]["list"] if one["type"] == "query"]
    for panel in panels(dashboard):
        asking += [(panel["title"], panel), *((panel["title"], target) for target in panel["targets"])]
    yield from (f"{where}: its data source is no variable" for where, one in asking if one["datasource"] != SOURCE)


def is_explained(dashboard: Json, facts: Facts) -> Iterator[str]:
    """Every panel has a title, a unit that Grafana knows, and says what bad looks like and what to do."""
    for panel in panels(dashboard):
        where = panel["title"] or f"panel {panel['id']}"
        if not panel["title"]:
            yield f"{where}: no title"
        if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            yield f"{where}: no unit that we know"
        if not re.fullmatch(r"\*\*Bad:\*\* \S.+\n\n\*\*Do:\*\* \S.+", panel["description"], re.DOTALL):
            yield f"{where}: it does not say what bad looks like and what to do"


def counters_grow(dashboard: Json, facts: Facts) -> Iterator[str]:
    """A counter's own value says only how long a process has run."""
    for where, taken in _taken(dashboard):
        for one in taken.selected:
            known = facts.series.get(one.metric)
            if known and known.counts and not (GROWTH | PLAIN).intersection(one.inside):
                yield f"{where}: {one.metric} outside rate and increase"


def rates_fit_the_picture(dashboard: Json, facts: Facts) -> Iterator[str]:
    """A fixed range is too short for one width of the picture and hides a fault in another."""
    for where, question in questions(dashboard):
        spans = re.findall(r"\b(?:rate|irate)\s*\([^()\[\]]*\[([^\]]+)\]", question)
        yield from (f"{where}: rate over {span}" for span in spans if span != "$__rate_interval")


def metrics_exist(dashboard: Json, facts: Facts) -> Iterator[str]:
    """Every metric, label and closed value that is asked for is one that the code declares."""
    for where, taken in _taken(dashboard):
        unknown = [one.metric for one in taken.selected if one.metric not in facts.series]
        yield from (f"{where}: no metric {name}" for name in unknown)
        if unknown:
            continue
        for one in taken.selected:
            known = facts.series[one.metric]
            for label, operator, value in one.demands:
                if label not in known.labels | OF_THE_TARGET:
                    yield f"{where}: {one.metric} has no label {label}"
                elif operator == "MatchOp.Equal" and value not in known.values.get(label, {value}):
                    yield f"{where}: {one.metric} never has {label}={value}"
        yield from (f"{where}: nothing selected has label {label}" for label in taken.labels - _offered(taken, facts))


def _offered(taken: Taken, facts: Facts) -> frozenset[str]:
    return OF_THE_TARGET.union(*(facts.series[one.metric].labels for one in taken.selected))


def legends_hold(dashboard: Json, facts: Facts) -> Iterator[str]:
    """A legend shows labels that the answer has, and no two questions of a panel have the same words."""
    for panel in panels(dashboard):
        legends = [target["legendFormat"] for target in panel["targets"]]
        if len(set(legends)) < len(legends) and panel["type"] != "table":
            yield f"{panel['title']}: two questions with one legend"
        for target in panel["targets"]:
            shown = legend_labels(target["legendFormat"])
            try:
                absent = shown - taken_apart(target["expr"]).labels
            except (ValueError, KeyError):
                continue
            yield from (f"{panel['title']} {target['refId']}: the answer has no {label}" for label in absent)


def traces_are_shown(dashboard: Json, facts: Facts) -> Iterator[str]:
    """A latency whose buckets carry traces asks for them, where the picture can show them."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            wanted = panel["type"] in ("timeseries", "heatmap") and "topk" not in target["expr"]
            if wanted and any(name in target["expr"] for name in TRACED) and not target["exemplar"]:
                yield f"{panel['title']} {target['refId']}: exemplars are not asked for"


def lines_are_the_alerts(dashboard: Json, facts: Facts) -> Iterator[str]:
    """A line in a panel that leads to runbooks stands where one of these alerts waits, or at its objective."""
    for panel in panels(dashboard):
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        lines = [step["value"] for step in steps if step["value"] is not None]
        alerts = _alerts(panel) if panel["type"] == "timeseries" else []
        numbers = frozenset[float]().union(*(facts.numbers.get(alert, frozenset()) for alert in alerts))
        # An alert above 0 is drawn at 1: Grafana colours from the value on, and 0 is no fault.
        wrong = [line for line in lines if line not in numbers and not (line == 1 and 0 in numbers)]
        yield from (f"{panel['title']}: no alert of its own waits at {line}" for line in wrong if alerts)


def _alerts(panel: Json) -> list[str]:
    return [link["url"].rsplit("/", 1)[1] for link in panel["links"]]


def links_lead_somewhere(dashboard: Json, facts: Facts) -> Iterator[str]:
    """Every runbook and every dashboard that is linked exists, by the same address in text and in links."""
    for panel in panels(dashboard):
        in_text = re.findall(r"\]\(([^)]+)\)", panel["description"])
        overrides = panel["fieldConfig"]["overrides"]
        inside = [link["url"] for one in overrides for it in one["properties"] if it["id"] == "links"
                  for link in it["value"]]  # fmt: skip
        for address in {*in_text, *inside, *(link["url"] for link in panel["links"])}:
            if not _leads(address, facts):
                yield f"{panel['title']}: {address} leads nowhere"


def _leads(address: str, facts: Facts) -> bool:
    runbook = re.fullmatch(r"\$\{kizashi_url\}/runbooks/(\w+|\$\{__value\.raw\})", address)
    if runbook:
        return runbook[1].startswith("$") or runbook[1] in facts.runbooks
    other = re.fullmatch(r"/d/([\w-]+)\?\$\{__url_time_range\}", address)
    return bool(other and other[1] in facts.dashboards)


def words_lead_somewhere(dashboard: Json, facts: Facts) -> Iterator[str]:
    """What a description names in italics is the title, or how the title of a panel, row or dashboard begins."""
    for panel in panels(dashboard):
        for named in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", panel["description"]):
            if not any(title.startswith(named) for title in facts.titles):
                yield f"{panel['title']}: nothing is called {named}"


def words_are_the_codes(dashboard: Json, facts: Facts) -> Iterator[str]:
    """A word in code's letters is one that labels, logs or this panel itself can show."""
    for panel in panels(dashboard):
        shown = json.dumps([panel["targets"], panel["fieldConfig"]], ensure_ascii=False)
        for word in re.findall(r"`([a-z]+(?:_[a-z]+)*)`", panel["description"]):
            if word not in facts.words | OTHER_WORDS and word not in shown:
                yield f"{panel['title']}: nothing can say {word}"


def grid_is_whole(dashboard: Json, facts: Facts) -> Iterator[str]:
    """Nothing covers anything else or stands out of the grid, and every id is there once."""
    rows = [panel for panel in dashboard["panels"] if panel["type"] == "row"]
    placed = [*rows, *panels(dashboard)]
    ids = [panel["id"] for panel in placed]
    if len(set(ids)) < len(ids):
        yield "two panels have one id"
    for panel in placed:
        at = panel["gridPos"]
        if at["x"] < 0 or at["x"] + at["w"] > GRID:
            yield f"{panel['title']}: it stands out of the grid"
    for one, other in combinations(dashboard["panels"], 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"{one['title']} and {other['title']} overlap"


def _overlap(one: Json, other: Json) -> bool:
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    return bool(across and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"])


def is_ours(dashboard: Json, facts: Facts) -> Iterator[str]:
    """What all six have in common."""
    names = [one["name"] for one in dashboard["templating"]["list"]]
    if dashboard["editable"]:
        yield "it can be edited, and what is edited is not kept"
    if dashboard["uid"] not in facts.dashboards:
        yield f"its uid {dashboard['uid']} is not of the form that links know"
    if not {"datasource", "service", "instance"} <= set(names):
        yield f"its variables are {names}"
    if len(panels(dashboard)) > MOST_PANELS:
        yield f"{len(panels(dashboard))} panels, {MOST_PANELS} are allowed"
    if not any(link["type"] == "dashboards" for link in dashboard["links"]):
        yield "no link to the others"
    if not any("kizashi_build_info" in mark["expr"] for mark in dashboard["annotations"]["list"]):
        yield "a new version leaves no mark"


RULES: Final[tuple[Rule, ...]] = (
    parses,
    source_is_a_variable,
    is_explained,
    counters_grow,
    rates_fit_the_picture,
    metrics_exist,
    legends_hold,
    traces_are_shown,
    lines_are_the_alerts,
    links_lead_somewhere,
    words_lead_somewhere,
    words_are_the_codes,
    grid_is_whole,
    is_ours,
)
