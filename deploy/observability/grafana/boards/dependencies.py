"""dependencies: PostgreSQL and Kafka as the services see them, and each process by itself.

What the operators' exporters say stands in a closed row: only Kubernetes has them.
"""

from __future__ import annotations

from typing import Final

from deploy.observability.grafana.ask import SHARED, grown, mean, per_second, quantile, total, worst
from deploy.observability.grafana.boards.platform import PLATFORM
from deploy.observability.grafana.model import (
    PER_MINUTE,
    PER_SECOND,
    Column,
    Dashboard,
    Line,
    Meaning,
    Query,
    Row,
    State,
    Table,
    TimeSeries,
)

_POSTGRESQL: Final = Row(
    "PostgreSQL",
    (
        TimeSeries(
            title="Connections in use",
            unit="percentunit",
            bad="A pool at 100 %: whoever wants a connection waits.",
            do="See *Wait for a connection*; slow statements hold connections, so look at these first.",
            queries=[
                Query(
                    total("kizashi_db_pool_connections", "service, pool", f'{SHARED},state="used"')
                    + " / "
                    + total("kizashi_db_pool_connections", "service, pool", SHARED),
                    "{{service}} {{pool}}",
                )
            ],
            width=6,
            top=1,
        ),
        TimeSeries(
            title="Wait for a connection, p99",
            unit="s",
            bad="Above 0.1 s for ten minutes: the pool is too small or its connections are held too long.",
            do="Follow the runbook. All pools at once: PostgreSQL itself.",
            queries=[
                Query(
                    quantile(0.99, "kizashi_db_pool_acquire_seconds", "service, pool", SHARED), "{{service}} {{pool}}"
                )
            ],
            width=6,
            least_top=0.12,
            lines=(Line(0.1, "orange", "KizashiDbPoolSaturated"),),
        ),
        Table(
            title="Slowest statements, mean",
            unit="s",
            bad="A statement of tens of milliseconds that is asked often: an index is missing, or outgrown.",
            do="EXPLAIN it with the table's present size; for health's writes see *Rows written* on *Health*.",
            queries=[Query(f"topk(8, {mean('kizashi_db_query_seconds', 'service, query', SHARED)} > 0)")],
            columns=[
                Column(of="service", title="Service", width=80),
                Column(of="query", title="Statement"),
                Column(of="Value", title="Mean", unit="s", width=90, lines=(Line(0.1, "orange"), Line(1, "red"))),
            ],
            sort_by="Mean",
            width=6,
        ),
        TimeSeries(
            title="Errors",
            unit=PER_SECOND,
            bad="`connect` or `timeout`: PostgreSQL is away, frozen or overloaded. `deadlock`: two writers of one row.",
            do="Follow KizashiPostgresDown. Nothing is lost meanwhile: offsets move only with a commit.",
            queries=[Query(per_second("kizashi_db_errors_total", "reason", SHARED), "{{reason}}")],
            width=6,
            least_top=1,
            runbooks=("KizashiPostgresDown", "KizashiSchemaBehind"),
        ),
    ),
)

_KAFKA: Final = Row(
    "Kafka",
    (
        TimeSeries(
            title="Produce errors",
            unit=PER_SECOND,
            bad="Any that stays. All topics at once: the broker. `too_large`: one record. `auth`: a changed password.",
            do="Follow KizashiKafkaDown; ingest answers 503 meanwhile, and senders send again.",
            queries=[
                Query(
                    per_second("kizashi_produce_errors_total", "topic, reason", SHARED) + " > 0",
                    "{{topic}} {{reason}}",
                )
            ],
            width=6,
            least_top=1,
            runbooks=("KizashiProduceErrors", "KizashiKafkaDown"),
        ),
        TimeSeries(
            title="Rebalances",
            unit="short",
            bad="More than six in a quarter of an hour: members come and go, and nobody gets to work.",
            do="Follow the runbook: which pods restart, and is `livez` slow?",
            queries=[Query(grown("kizashi_consumer_rebalances_total", "service", SHARED, "15m"), "{{service}}")],
            width=6,
            least_top=7,
            lines=(Line(6, "orange", "KizashiRebalanceStorm"),),
        ),
        TimeSeries(
            title="Producer's buffer",
            unit="bytes",
            bad="It grows: Kafka takes less than we send.",
            do="Look at *Produce errors* and at *Kafka acknowledgement* on *Ingest*.",
            queries=[Query(total("kizashi_produce_buffer_bytes", "service", SHARED), "{{service}}")],
            width=6,
            least_top=65_536,
        ),
        TimeSeries(
            title="Outbox: oldest message not sent",
            unit="s",
            bad="Above 60 s: committed scores or alerts have not reached Kafka. They are safe, and late.",
            do="Follow the runbook; Kafka first, then the worker `relay` below.",
            queries=[
                Query(worst("kizashi_outbox_oldest_age_seconds", "service", SHARED), "{{service}}"),
            ],
            width=6,
            least_top=60,
            lines=(Line(60, "orange", "KizashiOutboxOld"),),
        ),
    ),
)

_PROCESS: Final = Row(
    "Process",
    (
        TimeSeries(
            title="CPU",
            unit="short",
            bad="At one core: an event loop has only one. Health at one core falls behind.",
            do="More pods (health: up to one for each partition).",
            queries=[Query(per_second("process_cpu_seconds_total", "instance"), "{{instance}}")],
            width=6,
            least_top=1,
            lines=(Line(0.9, "orange"),),
        ),
        TimeSeries(
            title="Memory",
            unit="bytes",
            bad="It climbs for days, or nears the limit.",
            do="For health see *Memory* on its dashboard; others hold little: restart one and compare.",
            queries=[Query(worst("process_resident_memory_bytes", "instance"), "{{instance}}")],
            width=6,
        ),
        TimeSeries(
            title="Event loop: worst delay",
            unit="s",
            bad="Above 1 s: something computes or blocks where it should wait; answers and heartbeats come late.",
            do="Follow the runbook; look at CPU beside it, and for one huge body or account.",
            queries=[Query(worst("kizashi_event_loop_lag_seconds", "service", SHARED), "{{service}}")],
            width=6,
            least_top=1.1,
            lines=(Line(1, "orange", "KizashiEventLoopBlocked"),),
        ),
        TimeSeries(
            title="Clock against PostgreSQL's",
            unit="s",
            bad="More than 2 s either way: ages and days are wrong by as much.",
            do="Follow the runbook: time synchronisation of that node.",
            queries=[
                Query(f"max by (service) (abs(kizashi_clock_offset_seconds{{{SHARED}}}))", "{{service}}"),
            ],
            width=6,
            least_top=2.2,
            lines=(Line(2, "orange", "KizashiClockOffset"),),
        ),
        State(
            title="Ready",
            unit="none",
            bad="Red: the service says that it cannot do its work. A gap: nobody answered the scrape.",
            do="Its last log lines say what it waits for: the schema, a connection, its first assignment.",
            queries=[Query(f"min by (service) (kizashi_ready{{{SHARED}}})", "{{service}}")],
            meanings={0: Meaning("not ready", "red"), 1: Meaning("ready", "green")},
            runbooks=("KizashiServiceAbsent", "KizashiSchemaBehind"),
            width=8,
        ),
        TimeSeries(
            title="Workers that began again",
            unit="short",
            bad="One that begins again every minute does nothing in between.",
            do="Its log lines say what it waits for: PostgreSQL or Kafka, nearly always.",
            queries=[
                Query(grown("kizashi_worker_restarts_total", "service", SHARED), "{{service}}"),
            ],
            width=8,
            least_top=1,
            decimals=0,
            runbooks=("KizashiRestarts",),
        ),
        TimeSeries(
            title="Errors and warnings logged",
            unit=PER_MINUTE,
            bad="A service that logs errors steadily, whatever the other panels say.",
            do="Read them: `event` says what, `reason` why; a repeated one is logged the 1st, 10th, 100th time.",
            queries=[
                Query(
                    per_second(
                        "kizashi_log_records_total", "service, level", f'{SHARED},level=~"warning|error|critical"'
                    )
                    + " * 60 > 0",
                    "{{service}} {{level}}",
                )
            ],
            width=8,
            least_top=1,
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    name="dependencies",
    title="Kizashi / Dependencies",
    description="PostgreSQL and Kafka as the services see them, and each process by itself.",
    rows=(_POSTGRESQL, _KAFKA, _PROCESS, PLATFORM),
)
