"""The read side: what people may see of the services' tables, as views in schema `read`.

Each view is `security_invoker`: row-level security of the table behind it holds for whoever reads the view, where a
plain view would bypass it with its owner's rights. Each is declared once, as the columns it shows of a table; its SQL
(for the migration) and its typed clause (for queries) come from that one declaration.

Source: GATEWAY.md 2; decision 21.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Integer, Table, TableClause, Text, column, table

from kizashi_common.db.tables import alerts as a
from kizashi_common.db.tables import gateway as g
from kizashi_common.db.tables import health as h
from kizashi_common.db.tables.metadata import Instant

SCHEMA: Final = "read"


@dataclass(frozen=True)
class View:
    """One view: its name in schema `read`, its SELECT, and its columns for queries."""

    name: str
    sql: str
    clause: TableClause


def _shows(name: str, source: Table, columns: tuple[Column[Any], ...], *, latest_per: int = 0) -> View:
    """A view of some columns of a table; with `latest_per` n, the newest row for each value of the first n columns."""
    names = [c.name for c in columns]
    key = ", ".join(names[:latest_per])
    select = f"SELECT {f'DISTINCT ON ({key}) ' if latest_per else ''}{', '.join(names)} FROM {source.fullname}"
    order = f" ORDER BY {key}, at DESC, event_id DESC" if latest_per else ""
    clause = table(name, *(column(c.name, c.type) for c in columns), schema=SCHEMA)
    return View(name, select + order, clause)


def _all_but(source: Table, *hidden: str) -> tuple[Column[Any], ...]:
    return tuple(c for c in source.columns if c.name not in hidden)


ACCOUNT_CARD: Final = _shows("account_card", h.account_card, _all_but(h.account_card))

ACCOUNT_SCORE_DAY: Final = _shows(
    "account_score_day", h.account_score_day, _all_but(h.account_score_day, "signals", "points", "calibration_id")
)

ACCOUNT_FACT: Final = _shows("account_fact", h.fact, _all_but(h.fact, "event_id", "actor"), latest_per=4)
"""The value of each fact that was true last, and since when; a JSON null says that it was unset."""

PARTITION: Final = View(
    "partition",
    "SELECT p.number AS partition, s.complete_through, b.activated_at AS began_at FROM health.build AS b"
    " CROSS JOIN LATERAL generate_series(0, b.partitions - 1) AS p (number)"
    " LEFT JOIN health.consumer_slot AS s ON s.slot = b.build_id * 1000 + p.number WHERE b.state = 'active'",
    table(
        "partition",
        column("partition", Integer),
        column("complete_through", Instant),
        column("began_at", Instant),
        schema=SCHEMA,
    ),
)
"""Every partition of the events' topic, claimed or not: how far it is proved, and when its log began to be counted.

Of `health.build` the gateway may read the columns used here alone: its key is nobody's business.
"""

WORKSPACE_PROGRESS: Final = View(
    "workspace_progress",
    "SELECT CASE WHEN bool_and(complete_through IS NOT NULL) THEN min(complete_through) END AS complete_through"
    " FROM read.partition",
    table("workspace_progress", column("complete_through", Instant), schema=SCHEMA),
)
"""The time before which all input is proved complete; null while a partition, claimed or not, has no proof."""

WORKSPACE_ZONE: Final = View(
    "workspace_zone",
    "SELECT workspace_id, body ->> 'zone' AS zone FROM health.document"
    " WHERE kind = 'workspace_settings' AND state = 'live'",
    table("workspace_zone", column("workspace_id", Text), column("zone", Text), schema=SCHEMA),
)
"""The zone that a workspace's days are counted in, where somebody has set one.

Of `health.document` the gateway may read the columns used here alone.
"""

MEMBER_DIRECTORY: Final = _shows("member_directory", g.member, _all_but(g.member, "created_at"))
"""Who signs in here: the one view that another service (alerts) reads too."""

ALERT: Final = _shows("alert", a.alert, _all_but(a.alert, "peak_severity", "subject"))

ALERT_EVENT: Final = _shows("alert_event", a.alert_event, _all_but(a.alert_event, "request_id"))

EVERY: Final = (
    ACCOUNT_CARD,
    ACCOUNT_SCORE_DAY,
    ACCOUNT_FACT,
    PARTITION,
    WORKSPACE_PROGRESS,
    WORKSPACE_ZONE,
    MEMBER_DIRECTORY,
    ALERT,
    ALERT_EVENT,
)
