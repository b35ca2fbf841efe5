"""alerts: whether rules can be read, what becomes of alerts, and whether people are told in time."""

from __future__ import annotations

from typing import Final

from deploy.observability.grafana.ask import grown, per_second, quantile, total, worst
from deploy.observability.grafana.model import PER_MINUTE, PER_SECOND, Dashboard, Line, Query, Row, TimeSeries

_RULES: Final = Row(
    "Rules",
    (
        TimeSeries(
            title="Verdicts of rules",
            unit=PER_SECOND,
            bad="`error` at all; or nothing at all while scores are published.",
            do="Follow KizashiRulesInError. `unknown` is right for accounts with little evidence.",
            queries=[Query(per_second("kizashi_alerts_rule_results_total", "result"), "{{result}}")],
            width=8,
            least_top=1,
            colours={"true": "orange", "false": "green", "unknown": "text", "error": "red"},
        ),
        TimeSeries(
            title="Time for all rules of one snapshot",
            unit="s",
            bad="p99 above 50 ms: alerts will fall behind at the day's end, when every account is judged.",
            do="Look at the rules added last; long expressions over many signals cost most.",
            queries=[
                Query(quantile(share, "kizashi_alerts_rule_seconds"), name)
                for share, name in ((0.5, "p50"), (0.99, "p99"))
            ],
            width=8,
            least_top=0.01,
            colours={"p50": "green", "p99": "orange"},
        ),
        TimeSeries(
            title="Rules in error",
            unit="short",
            bad="Above nothing: such a rule tells nobody anything, whatever happens.",
            do="Follow the runbook; the rule's page says which expression failed and why.",
            queries=[Query(worst("kizashi_alerts_rules_in_error"), "in error")],
            width=8,
            least_top=1,
            decimals=0,
            lines=(Line(1, "orange", "KizashiRulesInError"),),
            colours={"in error": "red"},
        ),
    ),
)

_LIFE: Final = Row(
    "Life",
    (
        TimeSeries(
            title="Opened, by kind",
            unit=PER_MINUTE,
            bad="A peak: many accounts at once hardly turn bad together; a data fault or a new rule does that.",
            do="Compare with *Band changes* on *Health* and *New versions*.",
            queries=[Query(f"{per_second('kizashi_alerts_opened_total', 'kind')} * 60", "{{kind}}")],
            width=6,
            stacked=True,
            least_top=1,
        ),
        TimeSeries(
            title="Open now",
            unit="short",
            bad="It only rises: people do not work them off, or nothing resolves by itself.",
            do="Ask the teams; a rule that opens more than people can read should be narrower.",
            queries=[Query(total("kizashi_alerts_open", "kind"), "{{kind}}")],
            width=6,
            stacked=True,
            decimals=0,
        ),
        TimeSeries(
            title="Resolved, by whom or what",
            unit=PER_MINUTE,
            bad="Only `correction`: alerts were opened on data that later proved wrong.",
            do="See *Late, repeated, refused* on *Health*: late events correct the past.",
            queries=[Query(f"{per_second('kizashi_alerts_closed_total', 'how')} * 60", "{{how}}")],
            width=6,
            stacked=True,
            least_top=1,
            colours={"person": "green", "auto": "blue", "correction": "orange", "scope": "text"},
        ),
        TimeSeries(
            title="Not told, and why",
            unit=PER_MINUTE,
            bad="Far more than is opened: people miss what they might want to know.",
            do="`covered`: a graver alert of the same account speaks for it. `batch`: the first run of a new rule.",
            queries=[Query(f"{per_second('kizashi_alerts_held_total', 'reason')} * 60", "{{reason}}")],
            width=6,
            stacked=True,
            least_top=1,
        ),
    ),
)

_DELIVERY: Final = Row(
    "Delivery",
    (
        TimeSeries(
            title="Attempts, by channel and outcome",
            unit=PER_MINUTE,
            bad="`exhausted` or `rejected`: somebody is not told. Only `retried`: no receiver answers.",
            do="One endpoint: its owner's fault, others go on. All of them: our way out (proxy, DNS, network policy).",
            queries=[
                Query(
                    f"{per_second('kizashi_alerts_deliveries_total', 'channel, outcome')} * 60",
                    "{{channel}} {{outcome}}",
                )
            ],
            width=8,
            least_top=1,
            runbooks=("KizashiAlertDeliveryBurn",),
        ),
        TimeSeries(
            title="From score to delivered",
            unit="s",
            bad="p95 above 60 s: the objective is missed.",
            do="See *Oldest due delivery*; then *Time of an attempt*: slow receivers hold connections.",
            queries=[
                Query(quantile(share, "kizashi_alerts_score_to_delivered_seconds"), name, exemplars=True)
                for share, name in ((0.5, "p50"), (0.95, "p95"))
            ],
            width=8,
            least_top=10,
            lines=(Line(60, "orange"),),
            runbooks=("KizashiAlertDeliveryBurn",),
            colours={"p50": "green", "p95": "orange"},
        ),
        TimeSeries(
            title="Oldest due delivery",
            unit="s",
            bad="Above 900 s somebody is woken: notifications stand still on our side.",
            do="Follow the runbook. A customer's dead endpoint does not count here: its next attempt is not yet due.",
            queries=[Query(worst("kizashi_alerts_oldest_due_delivery_age_seconds", "channel"), "{{channel}}")],
            width=8,
            least_top=60,
            lines=(Line(900, "red", "KizashiDeliveriesOverdue"),),
        ),
        TimeSeries(
            title="Pending deliveries",
            unit="short",
            bad="It rises steadily: an endpoint is away, and its deliveries wait for the next attempt.",
            do="If *Oldest due delivery* stays low, only receivers are at fault; tell their owners.",
            queries=[Query(total("kizashi_alerts_pending_deliveries", "channel"), "{{channel}}")],
            width=8,
            least_top=5,
            decimals=0,
        ),
        TimeSeries(
            title="Time of an attempt, p95",
            unit="s",
            bad="At its limit: receivers hang, and each hanging one holds a connection.",
            do="The attempts of the alert's page name the endpoint; its owner should answer first and work later.",
            queries=[Query(quantile(0.95, "kizashi_alerts_attempt_seconds", "channel"), "{{channel}}")],
            width=8,
            least_top=0.5,
        ),
        TimeSeries(
            title="Addresses refused",
            unit="short",
            bad="Any: an endpoint points at a private address, by mistake or to look inside.",
            do="See which endpoint was changed last in the audit log.",
            queries=[Query(grown("kizashi_alerts_blocked_addresses_total"), "refused")],
            width=8,
            least_top=1,
            decimals=0,
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    name="alerts",
    title="Kizashi / Alerts",
    description="Whether rules can be read, what becomes of alerts, and whether people are told in time.",
    service="alerts",
    rows=(_RULES, _LIFE, _DELIVERY),
)
