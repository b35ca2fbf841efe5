"""health: whether partitions move, what flushes cost, which scores come out, why time stands still, what is held."""

from __future__ import annotations

from typing import Final

from deploy.observability.grafana.ask import OWN, SHARED, grown, per_second, quantile, total, worst
from deploy.observability.grafana.model import PER_SECOND, Colour, Dashboard, Line, Query, Row, TimeSeries

_QUANTILES: Final = ((0.5, "p50"), (0.99, "p99"))


def _worst_and_median(metric: str, where: str) -> list[Query]:
    """Whether all partitions are in the same state, or one stands out: which one it is, `kizashi doctor` says."""
    return [
        Query(worst(metric, where=where), "worst partition"),
        Query(f"quantile(0.5, {metric}{{{where}}})", "median"),
    ]


_TWO: Final[dict[str, Colour]] = {"worst partition": "orange", "median": "green"}
_PARTITIONS: Final = Row(
    "Partitions",
    (
        TimeSeries(
            title="Lag",
            unit="short",
            bad="All of it grows for a quarter of an hour; or one partition has nearly all of it.",
            do="Look at *State of partitions* and *Time of a flush*. `kizashi doctor` says which partition it is.",
            queries=[
                Query(total("kizashi_consumer_lag_records", where=SHARED), "all"),
                Query(worst("kizashi_consumer_lag_records", where=SHARED), "worst partition"),
            ],
            width=6,
            least_top=100,
            runbooks=("KizashiLagGrowing", "KizashiConsumerStalled"),
            colours={"all": "text", "worst partition": "orange"},
        ),
        TimeSeries(
            title="Oldest input not in a score",
            unit="s",
            bad="Above 30 s the objective is missed; above 300 s somebody is woken. Median low: it is one partition.",
            do="Follow the runbook: a stopped partition, a slow database, or simply too much input.",
            queries=_worst_and_median("kizashi_consumer_oldest_unprocessed_age_seconds", SHARED),
            width=6,
            least_top=30,
            lines=(Line(30, "orange"), Line(300, "red", "KizashiInputStuck")),
            runbooks=("KizashiFreshnessBurn",),
            colours=_TWO,
        ),
        TimeSeries(
            title="Age of proved completeness",
            unit="s",
            bad="Above two minutes: silence is not believed, so no score falls for want of events.",
            do="If the median rises too, heartbeats are missing: dashboard *Ingest*, row *Safety*.",
            queries=_worst_and_median("kizashi_health_complete_age_seconds", OWN),
            width=6,
            least_top=60,
            lines=(Line(120, "orange"), Line(600, "red", "KizashiCompletenessStale")),
            runbooks=("KizashiFreshnessBurn",),
            colours=_TWO,
        ),
        TimeSeries(
            title="State of partitions",
            unit="short",
            bad="Any `stopped`: its accounts' scores are frozen until a person decides. Fewer in sum: no owner.",
            do="Follow KizashiPartitionStopped: the reason is in the log line `slot_stopped`.",
            queries=[Query(total("kizashi_consumer_partitions", "state", SHARED), "{{state}}")],
            width=6,
            stacked=True,
            decimals=0,
            runbooks=("KizashiPartitionStopped",),
            colours={"live": "green", "loading": "blue", "draining": "yellow", "stopped": "red"},
        ),
    ),
)

_FLUSH: Final = Row(
    "Flush",
    (
        TimeSeries(
            title="Time of a flush by phase, p99",
            unit="s",
            bad="`write` or `commit` in seconds: PostgreSQL is slow. `build` in seconds: our own computing is.",
            do="Dashboard *Dependencies*: slowest statements, waits for a connection, then PostgreSQL's own disk.",
            queries=[Query(quantile(0.99, "kizashi_health_flush_seconds", "phase"), "{{phase}}")],
            width=6,
            least_top=0.5,
        ),
        TimeSeries(
            title="Rows written, by table",
            unit="rowsps",
            bad="`score` near `day`: scores are written for each event; flushes have become too small.",
            do="Look at *Not yet in PostgreSQL*; longer flushes write fewer rows for the same events.",
            queries=[Query(per_second("kizashi_health_flush_rows_sum", "table"), "{{table}}")],
            width=6,
            stacked=True,
            least_top=10,
        ),
        TimeSeries(
            title="Not yet in PostgreSQL",
            unit="short",
            bad="Rows rise and age passes 30 s: flushes fail or wait; input will be paused to keep memory bounded.",
            do="PostgreSQL first; then the log line `slot_waits`.",
            queries=[
                Query(total("kizashi_health_unflushed_rows"), "rows"),
                Query(worst("kizashi_health_flush_age_seconds"), "age"),
            ],
            width=6,
            least_top=100,
            unit_of={"age": "s"},
            colours={"rows": "blue", "age": "orange"},
        ),
        TimeSeries(
            title="Fenced flushes and broken invariants",
            unit="short",
            bad="An invariant that breaks means a wrong number somewhere: this pages. Fencing is the guard at work.",
            do="Follow KizashiInvariantBroken. Many fenced flushes: two processes believe to own one partition.",
            queries=[
                Query(grown("kizashi_consumer_fenced_total", where=SHARED), "fenced"),
                Query(grown("kizashi_health_invariant_violations_total", "invariant"), "broken: {{invariant}}"),
            ],
            width=6,
            least_top=1,
            decimals=0,
            runbooks=("KizashiInvariantBroken", "KizashiRebalanceStorm"),
            colours={"fenced": "blue"},
        ),
    ),
)

_SCORES: Final = Row(
    "Scores",
    (
        TimeSeries(
            title="Scores computed and published",
            unit=PER_SECOND,
            bad="Published falls to nothing while events come; or `rebuild` and `correction` without anybody's wish.",
            do="No `event` scores: look at *Partitions*. Many `model_change`: settings changed; see the audit log.",
            queries=[
                Query(per_second("kizashi_health_scores_computed_total"), "computed"),
                Query(per_second("kizashi_health_scores_published_total", "reason") + " > 0", "published: {{reason}}"),
            ],
            width=6,
            least_top=1,
            colours={"computed": "text"},
        ),
        TimeSeries(
            title="Accounts by band",
            unit="short",
            bad="A jump from `good` to `risk` in one hour: a data fault or a changed model, hardly the customers.",
            do="Follow KizashiScoreShift; compare with *New versions* and the quarantined share on *Ingest*.",
            queries=[Query(total("kizashi_health_accounts", "band"), "{{band}}")],
            width=6,
            stacked=True,
            decimals=0,
            runbooks=("KizashiScoreShift",),
            colours={"good": "green", "watch": "yellow", "risk": "red", "none": "text"},
        ),
        TimeSeries(
            title="Band changes in an hour",
            unit="short",
            bad="More than 50, and five times what this hour saw a day and a week ago.",
            do="Follow KizashiScoreShift.",
            queries=[
                Query(
                    f"{grown('kizashi_health_band_changes_total', 'from, to', over='1h')} > 0",
                    "{{from}} to {{to}}",
                )
            ],
            width=6,
            least_top=50,
            decimals=0,
            runbooks=("KizashiScoreShift",),
        ),
        TimeSeries(
            title="Accounts with little evidence",
            unit="short",
            bad="It rises over days: accounts exist of which too little comes in to judge them.",
            do="See whether a source has stopped; new accounts leave this count by themselves after some weeks.",
            queries=[
                Query(total("kizashi_health_low_evidence_accounts"), "little evidence"),
                Query(total("kizashi_health_accounts"), "all"),
            ],
            width=6,
            least_top=10,
            decimals=0,
            colours={"little evidence": "orange", "all": "text"},
        ),
    ),
)

_TIME: Final = Row(
    "Time",
    (
        TimeSeries(
            title="Time of a sweep",
            unit="s",
            bad="p99 above 30 s: the day's end is judged late, and alerts about silence come late.",
            do="More partitions' owners (pods); see *Time of a flush*.",
            queries=[Query(quantile(share, "kizashi_health_sweep_seconds"), name) for share, name in _QUANTILES],
            width=8,
            least_top=1,
            colours={"p50": "green", "p99": "orange"},
        ),
        TimeSeries(
            title="Partitions whose silence is not judged",
            unit="short",
            bad="Above nothing for a quarter of an hour: their scores are frozen and marked so.",
            do="`lag`: health is behind. `heartbeat`: ingest cannot prove that all has arrived; dashboard *Ingest*.",
            queries=[Query(total("kizashi_health_sweep_held_partitions", "reason"), "{{reason}}")],
            width=8,
            least_top=1,
            decimals=0,
            lines=(Line(1, "orange", "KizashiSilenceHeld"),),
        ),
        TimeSeries(
            title="Late, repeated, refused",
            unit=PER_SECOND,
            bad="`dead_lettered`: records that cannot be counted; at the limit the partition stops. `late`: an import.",
            do="Follow KizashiDeadLetters. Duplicates are counted once and are no fault.",
            queries=[
                Query(per_second("kizashi_health_late_events_total", "handling"), "late: {{handling}}"),
                Query(
                    per_second(
                        "kizashi_consumer_records_total", "outcome", f'{SHARED},outcome=~"duplicate|dead_lettered"'
                    ),
                    "{{outcome}}",
                ),
            ],
            width=8,
            least_top=1,
            runbooks=("KizashiDeadLetters",),
            colours={"dead_lettered": "red", "duplicate": "text"},
        ),
    ),
)

_MEMORY: Final = Row(
    "Memory",
    (
        TimeSeries(
            title="Message ids held",
            unit="short",
            bad="Bytes towards the pod's limit: ids of the last days decide how much memory health needs.",
            do="Add pods: each then holds fewer partitions.",
            queries=[
                Query(total("kizashi_health_dedupe_ids", "heat"), "{{heat}}"),
                Query(total("kizashi_health_dedupe_bytes"), "bytes"),
            ],
            width=5,
            unit_of={"bytes": "bytes"},
            colours={"hot": "orange", "cold": "blue", "bytes": "text"},
        ),
        TimeSeries(
            title="Reading cold days, p99",
            unit="s",
            bad="Above 1 s: events of past days wait for the database.",
            do="Expected during an import; else see which source sends so late (*Ingest*, age of events).",
            queries=[Query(quantile(0.99, "kizashi_health_dedupe_cold_load_seconds"), "p99")],
            width=5,
            least_top=0.1,
        ),
        TimeSeries(
            title="Accounts and users in memory",
            unit="short",
            bad="A step upwards without new customers: ids are made up by a sender, one for each event.",
            do="See which source brings new accounts; ids must name accounts, not sessions.",
            queries=[
                Query(total("kizashi_health_state_accounts"), "accounts"),
                Query(total("kizashi_health_state_users"), "users"),
            ],
            width=5,
            decimals=0,
        ),
        TimeSeries(
            title="Resident memory",
            unit="bytes",
            bad="It climbs for days without more accounts, or nears the pod's limit.",
            do="Compare with *Message ids held* and *Accounts and users*; add pods before the limit ends the process.",
            queries=[Query(worst("process_resident_memory_bytes", "instance", OWN), "{{instance}}")],
            width=5,
        ),
        TimeSeries(
            title="Loading a partition",
            unit="s",
            bad="p99 above 60 s: after a restart partitions stand still longer than the session allows.",
            do="More pods, so that each has fewer partitions to load.",
            queries=[Query(quantile(0.99, "kizashi_consumer_load_seconds", where=SHARED), "p99")],
            width=4,
            least_top=1,
            lines=(Line(60, "red"),),
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    name="health",
    title="Kizashi / Health",
    description="Whether partitions move, what flushes cost, which scores come out, why time stands still.",
    service="health",
    rows=(_PARTITIONS, _FLUSH, _SCORES, _TIME, _MEMORY),
)
