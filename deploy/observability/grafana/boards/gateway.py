"""gateway: how people and tools are answered, who was turned away, and whether the owners behind it answer."""

from __future__ import annotations

from typing import Final

from deploy.observability.grafana.ask import SHARED, grown, per_second, quantile, total, worst
from deploy.observability.grafana.model import (
    PER_MINUTE,
    PER_SECOND,
    Column,
    Dashboard,
    Line,
    Query,
    Row,
    Table,
    TimeSeries,
)

_API: Final = Row(
    "API",
    (
        TimeSeries(
            title="Requests by answer",
            unit="reqps",
            bad="5xx: people see an error page. Many 429 or 401: one client in a loop.",
            do="Look at *Slow routes* for where; then *Owners' errors*, then PostgreSQL on *Dependencies*.",
            queries=[Query(per_second("kizashi_http_requests_total", "code", SHARED), "{{code}}")],
            width=8,
            least_top=1,
            runbooks=("KizashiGatewayReadsBurn",),
            colours={"200": "green", "500": "dark-red", "502": "red", "503": "red", "504": "red"},
        ),
        TimeSeries(
            title="Requests by route",
            unit="reqps",
            bad="One route far above its usual: a client polls what it should be told by webhook.",
            do="Find the key in the audit log and speak with its owner.",
            queries=[
                Query(f"topk(7, {per_second('kizashi_http_requests_total', 'route', SHARED)})", "{{route}}"),
            ],
            width=8,
            least_top=1,
        ),
        TimeSeries(
            title="Time to answer",
            unit="s",
            bad="p99 above 300 ms: the objective for reads is missed.",
            do="See *Slow routes*. All slow: PostgreSQL or the event loop, dashboard *Dependencies*.",
            queries=[
                Query(quantile(share, "kizashi_http_request_duration_seconds", "", SHARED), name, exemplars=True)
                for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
            ],
            width=8,
            least_top=0.1,
            lines=(Line(0.3, "orange"),),
            runbooks=("KizashiGatewayReadsBurn",),
            colours={"p50": "green", "p95": "yellow", "p99": "orange"},
        ),
        TimeSeries(
            title="In flight",
            unit="short",
            bad="It rises and does not fall while requests stay the same: answers have become slow.",
            do="As for *Time to answer*.",
            queries=[Query(total("kizashi_http_requests_in_flight", "instance", SHARED), "{{instance}}")],
            width=8,
            least_top=10,
            decimals=0,
        ),
        Table(
            title="Slow routes",
            unit="s",
            bad="A route above 300 ms at p95 that many use.",
            do="Look for its statement under *Slowest statements* on *Dependencies*.",
            queries=[
                Query(f"topk(10, {quantile(0.95, 'kizashi_http_request_duration_seconds', 'route', SHARED)} > 0)"),
            ],
            columns=[
                Column(of="route", title="Route"),
                Column(of="Value", title="p95", unit="s", width=110, lines=(Line(0.3, "orange"), Line(1, "red"))),
            ],
            sort_by="p95",
            width=16,
        ),
    ),
)

_GUARD: Final = Row(
    "Guard",
    (
        TimeSeries(
            title="Turned away",
            unit=PER_MINUTE,
            bad="`unknown` in number: somebody tries keys. `expired`, `revoked`: an integration uses an old one.",
            do="Ask whose; make a new key where it is right. Tries from outside: close the door at the ingress.",
            queries=[Query(f"{per_second('kizashi_gateway_auth_failures_total', 'reason')} * 60", "{{reason}}")],
            width=6,
            least_top=5,
        ),
        TimeSeries(
            title="Owners' time, p95",
            unit="s",
            bad="Above 1 s: people wait for health or alerts when they act.",
            do="Open that service's dashboard.",
            queries=[Query(quantile(0.95, "kizashi_gateway_upstream_seconds", "upstream"), "{{upstream}}")],
            width=6,
            least_top=0.1,
        ),
        TimeSeries(
            title="Owners' errors",
            unit=PER_MINUTE,
            bad="Any that stays: actions fail, reads as of a day too. `refused`: the service is away.",
            do="Look at that service: is it ready, is it started, is its address right?",
            queries=[
                Query(
                    f"{per_second('kizashi_gateway_upstream_errors_total', 'upstream, reason')} * 60",
                    "{{upstream}} {{reason}}",
                )
            ],
            width=6,
            least_top=1,
        ),
        TimeSeries(
            title="Audit rows that could not be stored",
            unit="short",
            bad="Any: something was done of which no trace is kept. This pages.",
            do="Follow the runbook; PostgreSQL first.",
            queries=[Query(grown("kizashi_gateway_audit_write_failures_total"), "failed")],
            width=6,
            least_top=1,
            decimals=0,
            lines=(Line(1, "red", "KizashiAuditWriteFailures"),),
            colours={"failed": "red"},
        ),
        TimeSeries(
            title="Witness: age of completeness",
            unit="s",
            bad="Above 120 s a unit of freshness is bad; above 600 s somebody is woken.",
            do="Read from PostgreSQL, without health: if it rises and health shows nothing, health is gone.",
            queries=[Query(worst("kizashi_gateway_completeness_age_seconds"), "worst partition")],
            width=12,
            least_top=60,
            lines=(Line(120, "orange"), Line(600, "red", "KizashiCompletenessStale")),
            runbooks=("KizashiFreshnessBurn",),
        ),
        TimeSeries(
            title="Judged reads",
            unit=PER_SECOND,
            bad="`bad` rises above one in a thousand: the month's budget is being spent.",
            do="See *Time to answer* and *Requests by answer*: slow, or failed?",
            queries=[
                Query(
                    per_second("kizashi_sli_total", "outcome", 'slo="gateway-reads",instance=~"$instance"'),
                    "{{outcome}}",
                )
            ],
            width=12,
            least_top=1,
            runbooks=("KizashiGatewayReadsBurn",),
            colours={"good": "green", "bad": "red"},
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    name="gateway",
    title="Kizashi / Gateway",
    description="How people and tools are answered, who was turned away, and whether the owners behind it answer.",
    service="gateway",
    rows=(_API, _GUARD),
)
