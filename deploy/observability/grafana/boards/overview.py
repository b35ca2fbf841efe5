"""overview: the page's link. Which part is broken stands in its first line, in one word and one colour.

Below it, in the order in which one asks: what fires, what that costs, where the flow stops, how old things are, and the
usual suspects.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from deploy.observability.grafana import verdicts
from deploy.observability.grafana.ask import OWN, SHARED, grown, or_zero, per_second, total, worst
from deploy.observability.grafana.model import (
    PER_MINUTE,
    Column,
    Dashboard,
    Heatmap,
    Line,
    Query,
    Row,
    Stat,
    Table,
    TimeSeries,
)
from deploy.observability.grafana.objectives import OBJECTIVES, budget_left, burn, burn_lines


def _firing(severity: str) -> str:
    """For how long each alert of a severity fires. What is a page is not shown again as a ticket."""
    which = f'alertname=~"Kizashi.*",severity="{severity}"'
    return (
        f"max by (severity, alertname, service) ((time() - ALERTS_FOR_STATE{{{which}}})"
        f' and ignoring (alertstate) ALERTS{{{which},alertstate="firing"}})'
    )


_NOW: Final = Row(
    "Now",
    (
        Stat(
            title="What is broken: begin with the leftmost red",
            unit="none",
            bad="Red. A part stands right of what it depends on, so the leftmost red one is where to begin.",
            do="Click it: its dashboard opens. `limping` still works and is slow or refuses some.",
            queries=[
                Query(verdicts.postgresql(), "PostgreSQL"),
                Query(verdicts.kafka(), "Kafka"),
                Query(verdicts.door("ingest", "ingest-availability"), "Ingest"),
                Query(verdicts.health(), "Health"),
                Query(verdicts.alerts(), "Alerts"),
                Query(verdicts.door("gateway", "gateway-reads"), "Gateway"),
                Query(verdicts.canary(), "Canary"),
            ],
            meanings=verdicts.MEANINGS,
            leads_to={
                "PostgreSQL": "dependencies",
                "Kafka": "dependencies",
                "Ingest": "ingest",
                "Health": "health",
                "Alerts": "alerts",
                "Gateway": "gateway",
            },
            filled=True,
            trend=False,
            width=24,
            height=4,
            runbooks=("KizashiServiceAbsent", "KizashiPostgresDown", "KizashiKafkaDown", "KizashiCanaryFailing"),
        ),
        Table(
            title="Firing alerts",
            unit="s",
            bad="Any row. Pages stand above tickets; the longest stands first among its like.",
            do="Click the name: its runbook opens. Where Kafka or PostgreSQL is down, begin there.",
            queries=[
                Query(f"{_firing('page')} or on (alertname, service) {_firing('ticket')}"),
            ],
            columns=[
                Column(
                    of="severity",
                    title="Severity",
                    width=85,
                    words={"page": "red", "ticket": "orange"},
                ),
                Column(of="alertname", title="Alert", alert_link=True),
                Column(of="service", title="Service", width=85),
                Column(of="Value", title="Since", unit="s", width=90),
            ],
            sort_by="Severity",
            ascending=True,
            none="No alert fires. Most wait some minutes first.",
            width=10,
            height=8,
        ),
        Stat(
            title="Error budgets left, 30 days",
            unit="percentunit",
            bad="Below 25 % orange: change nothing risky. Below 0 red: the promise of this month is broken.",
            do="See beside it whether it is being spent now, or was.",
            queries=[Query(budget_left(slo), slo.title) for slo in OBJECTIVES.slos],
            lines=(Line(0, "orange"), Line(0.25, "green")),
            calm="red",
            decimals=0,
            trend=False,
            rows=True,
            width=5,
            height=8,
        ),
        TimeSeries(
            title="Budget burn: times faster than allowed",
            unit="short",
            bad="Above 14.4 somebody is woken in two minutes, above 6 in a quarter of an hour; 1 is what is allowed.",
            do="Follow the runbook of the objective whose line is up; the row *Flow* shows where it stops.",
            queries=[Query(burn(slo), slo.title) for slo in OBJECTIVES.slos],
            lines=burn_lines(),
            runbooks=[slo.alert for slo in OBJECTIVES.slos],
            top=20,
            width=9,
            height=8,
        ),
    ),
)


def _step(title: str, unit: str, question: str, bad: str, do: str) -> Stat:
    """One stage of the flow: its figure now, and its last hour behind it."""
    return Stat(
        title=title, unit=unit, bad=bad, do=do, queries=[Query(question)], named=False, width=4, height=4, calm="blue"
    )


def _never_none(stage: Stat) -> Stat:
    """The same stage, red when its figure is nothing."""
    return replace(stage, calm="red", lines=(Line(0.001, "blue"),))


_EVENTS: Final = 'topic="kizashi.events.v1",service="health",instance=~"$instance"'
_FLOW: Final = Row(
    "Flow: an event's way",
    (
        _step(
            "Accepted",
            "eps",
            or_zero(per_second("kizashi_ingest_events_total", where=f'outcome="accepted",{OWN}')),
            "It falls to 0 in working hours: senders are silent, or ingest refuses them.",
            "Dashboard *Ingest*: requests by answer.",
        ),
        _step(
            "Waiting",
            "short",
            or_zero(total("kizashi_consumer_lag_records", where=_EVENTS)),
            "It rises: health takes less than comes in.",
            "Dashboard *Health*: partitions, flush.",
        ),
        _never_none(
            _step(
                "Counted",
                "recps",
                or_zero(per_second("kizashi_consumer_records_total", where=f'{_EVENTS},outcome=~"applied|control"')),
                "0 while something waits: health stands still. Heartbeats count here, so it is never 0 in health.",
                "Dashboard *Health*: state of partitions.",
            )
        ),
        _step(
            "Scores published",
            "mps",
            or_zero(per_second("kizashi_health_scores_published_total")),
            "0 while events are counted, for minutes.",
            "Dashboard *Health*: scores; then the outbox on *Dependencies*.",
        ),
        _step(
            "Alerts opened",
            PER_MINUTE,
            f"({per_second('kizashi_alerts_opened_total')} * 60) or vector(0)",
            "A peak: a data fault or a new rule, hardly that many customers at once.",
            "Dashboard *Alerts*: opened by kind.",
        ),
        _step(
            "Delivered",
            PER_MINUTE,
            "({} * 60) or vector(0)".format(
                per_second("kizashi_alerts_deliveries_total", where=f'outcome="delivered",{OWN}')
            ),
            "0 while alerts are opened.",
            "Dashboard *Alerts*: delivery.",
        ),
    ),
)

_FRESHNESS: Final = Row(
    "Freshness",
    (
        Heatmap(
            title="From event to score",
            unit="s",
            bad="Mass above 30 s, or a second band above the usual one. Nothing: what is stuck does not show here.",
            do="Compare with *Oldest input* beside it, which shows what is stuck.",
            queries=[
                Query(
                    grown("kizashi_health_event_to_score_seconds_bucket", "le"),
                    "{{le}}",
                    exemplars=True,
                )
            ],
            runbooks=("KizashiFreshnessBurn",),
            width=7,
        ),
        TimeSeries(
            title="Oldest input not processed",
            unit="s",
            bad="Above 30 s the objective is missed; above 300 s somebody is woken.",
            do="The service whose line rises stands still or is too slow: its dashboard.",
            queries=[Query(worst("kizashi_consumer_oldest_unprocessed_age_seconds", "service", SHARED), "{{service}}")],
            lines=(Line(30, "orange"), Line(300, "red", "KizashiInputStuck")),
            runbooks=("KizashiFreshnessBurn",),
            least_top=60,
            width=6,
        ),
        TimeSeries(
            title="Completeness, by the witness",
            unit="s",
            bad="Above 120 s each half minute is bad; above 600 s somebody is woken. Silence is not judged meanwhile.",
            do="Oldest input is low: heartbeats are missing, see *Ingest*, *Safety*. It is high too: health.",
            queries=[Query("max(kizashi_gateway_completeness_age_seconds)", "worst partition")],
            lines=(Line(120, "orange"), Line(600, "red", "KizashiCompletenessStale")),
            runbooks=("KizashiFreshnessBurn",),
            least_top=150,
            width=6,
        ),
        TimeSeries(
            title="Canary: round trips",
            unit="s",
            bad="A line that rises or ends: from outside, Kizashi is slow or does not work, whatever else is green.",
            do="Follow the runbook; its log line `canary_round_failed` says in which leg and how.",
            queries=[
                Query(
                    "histogram_quantile(0.95, sum by (leg, le)"
                    " (increase(kizashi_canary_roundtrip_seconds_bucket[15m])))",
                    "{{leg}}, p95",
                ),
                Query('time() - max(kizashi_canary_last_success_timestamp_seconds{leg="score"})', "since last score"),
            ],
            lines=(Line(300, "red", "KizashiCanaryFailing"),),
            least_top=60,
            width=5,
        ),
    ),
)

_QUARANTINED: Final = per_second("kizashi_ingest_events_total", where=f'outcome="quarantined",{OWN}')
_DEAD_LETTERED: Final = per_second("kizashi_consumer_records_total", where=f'outcome="dead_lettered",{SHARED}')
_TROUBLE: Final = Row(
    "Trouble",
    (
        TimeSeries(
            title="Answers of 5xx",
            unit="reqps",
            bad="Any line above 0 for minutes.",
            do="That service's dashboard: requests by answer, slow routes.",
            queries=[
                Query(
                    per_second("kizashi_http_requests_total", "service", f'code=~"5..",{SHARED}')
                    + f" or 0 * {per_second('kizashi_http_requests_total', 'service', SHARED)}",
                    "{{service}}",
                )
            ],
            runbooks=("KizashiIngestAvailabilityBurn", "KizashiGatewayReadsBurn"),
            least_top=1,
            width=6,
        ),
        TimeSeries(
            title="Quarantined and dead-lettered",
            unit=PER_MINUTE,
            bad="Quarantined: a sender is not understood. Dead-lettered: we cannot count what we accepted.",
            do="Quarantined: *Ingest*, quality. Dead-lettered: follow the runbook, a partition stops at the limit.",
            queries=[
                Query(f"{_QUARANTINED} * 60", "quarantined"),
                Query(f"{_DEAD_LETTERED} * 60", "dead-lettered"),
            ],
            runbooks=("KizashiQuarantineHigh", "KizashiDeadLetters"),
            colours={"quarantined": "orange", "dead-lettered": "red"},
            least_top=5,
            width=6,
        ),
        Table(
            title="Restarts and versions",
            unit="short",
            bad="Restarts in colour: the process does not stay. Two versions of one service: an update in between.",
            do="Follow KizashiRestarts; the last log lines before the end say why.",
            queries=[
                Query(
                    "max by (service, version, commit, instance) (kizashi_build_info"
                    " * on (job, instance) group_left () changes(process_start_time_seconds[30m]))"
                ),
                Query(
                    "max by (service, version, commit, instance) (kizashi_build_info"
                    " * on (job, instance) group_left () (time() - process_start_time_seconds))"
                ),
            ],
            columns=[
                Column(of="service", title="Service", width=90),
                Column(of="version", title="Version", width=80),
                Column(of="commit", title="Commit", width=100),
                Column(of="instance", title="Instance"),
                Column(
                    of="Value #A",
                    title="Restarts, 30 min",
                    unit="short",
                    width=125,
                    lines=(Line(1, "yellow"), Line(3, "red", "KizashiRestarts")),
                ),
                Column(of="Value #B", title="Up for", unit="s", width=90),
            ],
            sort_by="Restarts, 30 min",
            runbooks=("KizashiRestarts",),
            width=12,
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    name="overview",
    title="Kizashi / Overview",
    description="What is broken, what that costs, and where the flow stops. The page's link leads here.",
    rows=(_NOW, _FLOW, _FRESHNESS, _TROUBLE),
)
