"""Everything that Kizashi can say in its logs: each event, and each field that may stand beside it.

An event is a name from here and never a sentence, so that it can be searched for, counted and alerted on; a field is
one from here or it is dropped, so that nothing personal comes in by a word nobody thought of. Tests compare both with
the calls in the code, and docs/reference/logs.md is made from them.

Source: OPERATIONS.md 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EVENTS: Final[Mapping[str, str]] = {
    # the process
    "service_ready": "The service has started and takes work.",
    "start_waits": "The start waits for what it needs, as `detail` says: the schema, the database or the broker.",
    "worker_died": "A background worker failed; the process ends, and its supervisor starts it again.",
    "drain_timed_out": "A step of the orderly stop did not end in time; what it held is done again after the start.",
    "third_party_log": "A library had something to say; its values are left out (`template` is its text without them).",
    "undeclared_event": "Code logged a name that is not on this list: a fault of ours, please report it.",
    "traces_not_exported": "The collector of traces does not take them; traces are lost until it does, nothing else.",
    "traces_exported_again": "The collector of traces takes them again.",
    # requests
    "request_failed": "A request met an error of ours and was answered 500.",
    "page_failed": "A page of the console met an error of ours and was answered 500.",
    "audit_result_lost": "A write happened and its result could not be recorded: the audit log has the wish alone.",
    # ingest
    "heartbeat_failed": "A round of heartbeats could not be sent; no account decays until one is.",
    "key_refresh_failed": "Source keys could not be read anew; those in memory go on to be taken.",
    "source_created": "A source was made.",
    "source_key_created": "A source got a key.",
    "source_key_revoked": "A key was revoked; it is refused within seconds.",
    # consumers
    "consumer_waits_for_broker": "Kafka cannot be reached; joining the group is tried again.",
    "slot_loaded": "A partition's state is in memory, and reading begins at `offset`.",
    "slot_load_failed": "A partition's state could not be loaded; it is tried again.",
    "slot_waits": "A partition waits for PostgreSQL or Kafka; what it holds is kept and tried again.",
    "slot_failed": "A record brought about an error that nobody foresaw; it is searched for and set aside.",
    "slot_fenced": "Another process owns the partition; its state here is dropped, nothing was written.",
    "slot_stopped": "A partition stands still until a person looks: `reason` says why, the runbook what to do.",
    "slot_left_unflushed": "A partition left before its last step was committed; its next owner does that again.",
    "contiguity_guard": "Records came from beyond the position; reading goes back to it.",
    "relay_waits": "The relay of messages waits for PostgreSQL or Kafka.",
    # health
    "day_began": "A workspace's local day began, and every account is scored as of it.",
    "census_waits": "The look for days that began waits for PostgreSQL.",
    "invariant_broken": "The ledger says what must never be: `reason` names the invariant, `detail` what was found.",
    "invariants_not_checked": "PostgreSQL could not be asked whether the ledger is in order; it is asked next minute.",
    # alerts
    "delivery_waits": "Deliveries that are due could not be leased; they are looked for again.",
    "delivery_unfinished": "What came of a delivery could not be written; it is sent again under the same id.",
    "delivery_failed": "An attempt met an error of ours; it counts as failed, and the delivery is tried again.",
    "endpoint_disabled": "A webhook endpoint said that it is gone; nothing is sent there any more.",
    "watch_waits": "The look at deliveries that wait could not be made; its gauges are those of the last one.",
    # gateway
    "witness_waits": "The gateway cannot read how far the partitions are proved; what it knew goes on ageing.",
    "housekeeping_waits": "The gateway's clean-up waits for PostgreSQL.",
    # the canary
    "canary_round_failed": "The canary's event or fact was refused, not seen in time, or answered with what cannot be.",
    # the demo
    "demo_events_dropped": "The demo's emitter could not send; its events are lost, as a careless client's would be.",
}

FIELDS: Final[Mapping[str, str]] = {
    "ts": "when, RFC 3339, UTC",
    "level": "debug, info, warning, error or critical",
    "event": "what happened: a name from the list",
    "service": "ingest, health, alerts or gateway; `process` for what belongs to none of them",
    "version": "the version that runs",
    "instance": "the process: `KIZASHI_NODE`",
    "trace_id": "the trace that it happened in, 32 hex digits",
    "request_id": "the request, as its answer names it in `Kizashi-Request-Id`",
    "workspace": "the workspace's id",
    "account": "the account's id of ours (`acc_…`), never its name or the customer's own id",
    "topic": "the Kafka topic",
    "partition": "its partition",
    "offset": "an offset in it",
    "duration_ms": "how long it took",
    "outcome": "what became of it, from a closed list of the event",
    "reason": "why, as a stable code",
    "count": "how often this has happened: the 1st, 10th, 100th … is logged",
    "error": "the kind of an exception, never its words",
    "cause": "the kind of the exception behind it",
    "frames": "where in the code, innermost last",
    "attempt": "how often it was tried before",
    "position": "the offset that was expected",
    "epoch": "the claim under which the partition is owned",
    "found": "what the comparison with the log said: same, first or replaced",
    "detail": "the same in our own words",
    "worker": "the background worker",
    "step": "the step of the orderly stop",
    "drained": "the service that was stopping",
    "route": "the route's template, never the path",
    "action": "the action of the API that was asked for",
    "actor": "who did it, as an id of ours; the audit log knows more",
    "source": "the id of a source",
    "kind": "the kind of a source or key",
    "key_id": "the id of a key; the key itself is nowhere",
    "may_import": "whether the key may send the past",
    "day": "a local day",
    "partial": "whether the day began before all of it was known",
    "events": "how many events",
    "logger": "the library's own logger",
    "template": "the library's text with its placeholders, or `dropped` where the values are in it already",
    "place": "file and line in the library",
}


def page() -> str:
    """The reference page, as docs/reference/logs.md holds it."""
    lines = [
        "# Logs",
        "",
        "One JSON object a line, on standard output of a container and in `<data>/log/kizashi.log` of `kizashi up`.",
        "This page is made from `libs/common/kizashi_common/telemetry/log_events.py`.",
        "",
        "What is not in these two tables is not logged: an unknown event becomes `undeclared_event`, and an unknown",
        "field's value `dropped`. No payload, user, name, address of a person, key, token or webhook address has a",
        "field; what looks like one inside a text is replaced by `[removed]`. A warning or an error that repeats is",
        "logged the 1st, 10th, 100th … time with its `count`, until it has not been seen for ten minutes.",
        "",
        "## Events",
        "",
        "| event | what it says |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in sorted(EVENTS.items())),
        "",
        "## Fields",
        "",
        "| field | what it holds |",
        "|---|---|",
        *(f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()),
    ]
    return "\n".join(lines) + "\n"
