"""ingest: what comes in, how fast it is answered, what is wrong with it, and whether our silence is proved."""

from __future__ import annotations

from typing import Final

from deploy.observability.grafana.ask import SHARED, per_second, quantile, total, worst
from deploy.observability.grafana.model import PER_MINUTE, PER_SECOND, Dashboard, Line, Query, Row, TimeSeries

_TRAFFIC: Final = Row(
    "Traffic",
    (
        TimeSeries(
            title="Events by dialect",
            unit="eps",
            bad="A dialect falls to nothing while others go on: one kind of sender has stopped or is refused.",
            do="Look at *Requests refused*; if nothing is refused, the sender itself is silent: ask its owner.",
            queries=[
                Query(
                    per_second("kizashi_ingest_events_total", "dialect", 'outcome="accepted",instance=~"$instance"'),
                    "{{dialect}}",
                ),
            ],
            width=6,
            stacked=True,
            least_top=1,
        ),
        TimeSeries(
            title="Accepted events by action",
            unit="eps",
            bad="One action takes over, or `login` vanishes: the sender's mapping has changed, and scores will follow.",
            do="Compare with *New versions* of the sender; look at *Values altered while accepting* below.",
            queries=[Query(per_second("kizashi_ingest_actions_total", "action"), "{{action}}")],
            width=6,
            stacked=True,
            least_top=1,
        ),
        TimeSeries(
            title="Requests by answer",
            unit="reqps",
            bad="5xx: we lose what senders do not send again. 503 is overload or a broker that is away.",
            do="Look at the dashboard *Dependencies*, Kafka first; 4xx are the senders' own and lose nobody else's.",
            queries=[
                Query(per_second("kizashi_http_requests_total", "code", f'{SHARED},route!=""'), "{{code}}"),
            ],
            width=6,
            least_top=1,
            runbooks=("KizashiIngestAvailabilityBurn", "KizashiKafkaDown"),
            colours={"200": "green", "202": "green", "503": "red", "500": "dark-red"},
        ),
        TimeSeries(
            title="Requests refused, by reason",
            unit="reqps",
            bad="A steady line of one reason: somebody's integration is broken and its data is missing.",
            do="`invalid_key`: a key was revoked or mistyped. `body_too_large`, `bad_json`: ask the sender's owner.",
            queries=[Query(per_second("kizashi_ingest_refused_requests_total", "code") + " > 0", "{{code}}")],
            width=6,
            least_top=1,
        ),
    ),
)

_LATENCY: Final = Row(
    "Latency",
    (
        TimeSeries(
            title="Time to answer",
            unit="s",
            bad="p99 above 1 s: the objective counts such a request as bad. p50 rises with it: everything is slow.",
            do="Compare with *Kafka acknowledgement* beside it: if that rose too, it is Kafka, else the event loop.",
            queries=[
                Query(quantile(share, "kizashi_http_request_duration_seconds", "", SHARED), name, exemplars=True)
                for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
            ],
            width=8,
            least_top=0.1,
            lines=(Line(1, "red"),),
            runbooks=("KizashiIngestAvailabilityBurn",),
            colours={"p50": "green", "p95": "yellow", "p99": "orange"},
        ),
        TimeSeries(
            title="Slowest routes, p99",
            unit="s",
            bad="One route stands out: its bodies are larger or its parse is slower than the others'.",
            do="Look at *Size of bodies*; a batch of thousands takes longer by nature and should come as several.",
            queries=[
                Query(
                    f"topk(5, {quantile(0.99, 'kizashi_http_request_duration_seconds', 'route', SHARED)})",
                    "{{route}}",
                ),
            ],
            width=8,
            least_top=0.1,
            lines=(Line(1, "red"),),
        ),
        TimeSeries(
            title="Kafka acknowledgement, p99",
            unit="s",
            bad="Above 1 s, or a topic without a line: the broker is slow or away, and answers wait for it.",
            do="Look at *Dependencies*, Kafka: errors by reason. Above 8 s the request ends with 503.",
            queries=[Query(quantile(0.99, "kizashi_produce_seconds", "topic", SHARED), "{{topic}}")],
            width=8,
            least_top=0.1,
            lines=(Line(1, "red"),),
            runbooks=("KizashiKafkaDown", "KizashiProduceErrors"),
        ),
    ),
)

_QUALITY: Final = Row(
    "Quality",
    (
        TimeSeries(
            title="Share of events quarantined",
            unit="percentunit",
            bad="Above 5 % for half an hour: a sender's data is not understood, and its accounts will look quiet.",
            do="See *Quarantined, by reason*: the reason says what the sender must change.",
            queries=[
                Query(
                    per_second("kizashi_ingest_events_total", where='outcome="quarantined",instance=~"$instance"')
                    + " / "
                    + per_second("kizashi_ingest_events_total"),
                    "quarantined",
                ),
            ],
            width=6,
            least_top=0.06,
            lines=(Line(0.05, "orange", "KizashiQuarantineHigh"),),
            colours={"quarantined": "orange"},
        ),
        TimeSeries(
            title="Quarantined, by reason",
            unit="eps",
            bad="Any reason that stays. `no_identity`: no account is named; `too_old`: history came by the live route.",
            do="Items stand in `kizashi.quarantine.v1`, whole. Show the sender's owner one, and let it be sent again.",
            queries=[Query(per_second("kizashi_ingest_quarantined_total", "reason") + " > 0", "{{reason}}")],
            width=6,
            least_top=1,
            runbooks=("KizashiQuarantineHigh",),
        ),
        TimeSeries(
            title="Values altered while accepting",
            unit="eps",
            bad="A new line: values are cut, clamped or parsed a second time. Nothing is lost; it is not clean.",
            do="Tell the sender's owner; `lenient` means bodies that are no strict JSON.",
            queries=[
                Query(per_second("kizashi_ingest_warnings_total", "warning") + " > 0", "{{warning}}"),
                Query(per_second("kizashi_ingest_lenient_parses_total") + " > 0", "lenient"),
                Query(per_second("kizashi_ingest_future_events_total") + " > 0", "future, clamped"),
            ],
            width=6,
            least_top=1,
        ),
        TimeSeries(
            title="Events without an account",
            unit="eps",
            bad="A rising line: events name a person but no account, and count for nobody.",
            do="Ask the sender to add the account to each event (`context.groupId` in Segment's words).",
            queries=[
                Query(
                    per_second("kizashi_ingest_unattributed_total", where='outcome="held",instance=~"$instance"'),
                    "named no account",
                )
            ],
            width=6,
            least_top=1,
        ),
        TimeSeries(
            title="Age of events at receipt",
            unit="s",
            bad="p50 rises: senders deliver late. A sudden p95 of days: somebody imports history by the live route.",
            do="Late events count on their own day; imports belong on `/v1/import` with a key that has that right.",
            queries=[
                Query(quantile(share, "kizashi_ingest_event_age_seconds"), name)
                for share, name in ((0.5, "p50"), (0.95, "p95"))
            ],
            width=8,
            least_top=10,
            colours={"p50": "green", "p95": "orange"},
        ),
        TimeSeries(
            title="Events in a request",
            unit="short",
            bad="p50 at 1 with much traffic: nobody batches, and each event costs a whole request.",
            do="Ask the sender to use `/v1/batch`, or a larger flush in its SDK.",
            queries=[
                Query(quantile(share, "kizashi_ingest_batch_events"), name)
                for share, name in ((0.5, "p50"), (0.95, "p95"))
            ],
            width=8,
            least_top=10,
            colours={"p50": "green", "p95": "orange"},
        ),
        TimeSeries(
            title="Size of bodies, p95",
            unit="bytes",
            bad="Towards the limit, `KIZASHI_BODY_MAX_BYTES`: larger bodies are refused.",
            do="Ask the sender for smaller batches.",
            queries=[Query(quantile(0.95, "kizashi_ingest_body_bytes", "form"), "{{form}}")],
            width=8,
            least_top=1024,
        ),
    ),
)

_SAFETY: Final = Row(
    "Safety",
    (
        TimeSeries(
            title="Age of the last proved round",
            unit="s",
            bad="Above a minute: heartbeats do not get through, so no account's silence counts and scores wait.",
            do="Look at Kafka and PostgreSQL, then at *Heartbeats* beside it: `withheld` means a node is unsure.",
            queries=[Query(worst("kizashi_ingest_heartbeat_round_age_seconds"), "round")],
            width=6,
            least_top=60,
            lines=(Line(600, "red", "KizashiCompletenessStale"),),
        ),
        TimeSeries(
            title="Heartbeats",
            unit=PER_MINUTE,
            bad="`withheld` or `failed` instead of `sent`.",
            do="`failed`: Kafka. `withheld`: PostgreSQL is away.",
            queries=[Query(f"{per_second('kizashi_ingest_heartbeats_total', 'outcome')} * 60", "{{outcome}}")],
            width=6,
            colours={"sent": "green", "withheld": "orange", "failed": "red"},
        ),
        TimeSeries(
            title="Nodes",
            unit="short",
            bad="Fewer than you run: others take its load, and its last round holds proof back for a minute.",
            do="See why it went in its log; bring it back.",
            queries=[Query(worst("kizashi_ingest_nodes", "state"), "{{state}}")],
            width=6,
            least_top=2,
            decimals=0,
            colours={"live": "green"},
        ),
        TimeSeries(
            title="Keys",
            unit=PER_SECOND,
            bad="`unknown` or `revoked` in number: a key is mistyped or was taken away. `stale`: PostgreSQL is away.",
            do="Ask whose key it is; make a new one in the console if it was taken away by mistake.",
            queries=[
                Query(per_second("kizashi_ingest_key_checks_total", "outcome"), "{{outcome}}"),
                Query(worst("kizashi_ingest_key_cache_age_seconds"), "age of the keys"),
            ],
            width=6,
            least_top=1,
            unit_of={"age of the keys": "s"},
            colours={"cached": "green", "unknown": "orange", "revoked": "red", "stale": "purple"},
        ),
        TimeSeries(
            title="Bodies in memory",
            unit="bytes",
            bad="Rises and does not fall: answers wait for Kafka, and at its bound new requests get 503.",
            do="Look at *Kafka acknowledgement*; if Kafka is well, add a node.",
            queries=[Query(total("kizashi_ingest_body_bytes_in_flight"), "in flight")],
            width=12,
            height=6,
            least_top=1_048_576,
        ),
        TimeSeries(
            title="Requests in flight",
            unit="short",
            bad="Rises and does not fall while requests stay the same: answers have become slow.",
            do="As beside it.",
            queries=[Query(total("kizashi_http_requests_in_flight", "instance", SHARED), "{{instance}}")],
            width=12,
            height=6,
            least_top=10,
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    name="ingest",
    title="Kizashi / Ingest",
    description="What comes in, how fast it is answered, what is wrong with it, and whether silence is proved.",
    service="ingest",
    rows=(_TRAFFIC, _LATENCY, _QUALITY, _SAFETY),
)
