"""Every drill there is: each way to lose a process, and one fault for every alert that wakes somebody.

`consequences` are alerts that rightly come with the fault; what is neither wanted nor named there fails the drill.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.drills.drill import Drill
from tests.drills.faults import (
    Fault,
    done,
    frozen,
    held,
    killed,
    names,
    nothing,
    poisoned,
    replace_the_log,
    stopped,
    stuttering,
    tampered,
    without_audit,
)
from tests.drills.plant import SERVICES
from tests.drills.webhooks import overdue, unopened

_HOW: Final = {"stopped": stopped, "frozen": frozen, "killed": killed}
_ABSENT: Final = 480.0
"""3 minutes of absence, 2 more of patience, and a scrape, an evaluation and a group wait."""

_LATE: Final = ("FreshnessBurn", "CanaryFailing", "CompletenessStale", "InputStuck", "ConsumerStalled", "SilenceHeld")
"""What follows when nothing moves for long enough."""
_OF_A_SERVICE: Final[dict[str, tuple[str, ...]]] = {
    "ingest": ("CanaryFailing", "FreshnessBurn", "CompletenessStale"),
    "health": ("GatewayReadsBurn", *_LATE),
    "alerts": ("AlertDeliveryBurn", "InputStuck", "ConsumerStalled", "CanaryFailing"),
    "gateway": ("CanaryFailing",),
}
_KAFKA: Final = ("IngestAvailabilityBurn", "ProduceErrors", "OutboxOld", "EventLoopBlocked", *_LATE)
_POSTGRES: Final = (
    "IngestAvailabilityBurn", "GatewayReadsBurn", "DbPoolSaturated", "OutboxOld", "AlertDeliveryBurn", *_LATE,
)  # fmt: skip

_OF_A_SERVER: Final[dict[str, tuple[str, float, tuple[str, ...]]]] = {
    "broker": ("KafkaDown", 420.0, _KAFKA),
    "postgres": ("PostgresDown", 420.0, _POSTGRES),
}
_SURE: Final = 960.0
"""Bad time counts against a whole hour (decision 0035): two minutes until a proof is late, nine more, and patience."""
_ROWS: Final = "FROM health.consumer_slot ORDER BY slot FOR UPDATE"


class Demand(NamedTuple):
    """What a fault must raise, of which service, within which seconds of an installation, and what may follow."""

    pages: str
    within: float
    consequences: tuple[str, ...] = ()
    about: str = ""
    judging: float = 0.0
    tampers: bool = False
    spoils: bool = False


def _process(how: str, what: str) -> Drill:
    fault = _HOW[how](what)
    page, within, consequences = _OF_A_SERVER.get(what) or ("ServiceAbsent", _ABSENT, _OF_A_SERVICE.get(what, ()))
    quick = (how, what) in (("frozen", "broker"), ("frozen", "postgres"), ("killed", "health"))
    return Drill(
        name=f"{what} {how}",
        fault=f"{what} is {how}",
        strike=fault.strike,
        heal=fault.heal,
        pages=names((page,)),
        within=within,
        about=what if what in SERVICES else "",
        consequences=names(consequences),
        blind=what == "postgres",
        quick=quick,
    )


def _one(name: str, fault: str, what: Fault, demand: Demand) -> Drill:
    return Drill(
        name, fault, what.strike, what.heal, names(demand.pages.split()), demand.within, demand.about, demand.judging,
        names(demand.consequences), tampers=demand.tampers, spoils=demand.spoils,
    )  # fmt: skip


PROCESSES: Final = tuple(_process(how, what) for what in ("broker", "postgres", *SERVICES) for how in _HOW)

ALERTS: Final = (
    _one(
        "canary without its key",
        "the key of the canary's source is revoked",
        done(
            "UPDATE ingest.source_key SET revoked_at = now() WHERE workspace_id = 'canary'",
            "UPDATE ingest.source_key SET revoked_at = NULL WHERE workspace_id = 'canary'",
        ),
        Demand("CanaryFailing", 480.0),
    ),
    _one(
        "a stuttering broker",
        "the broker stands still for 1.5 of each 2 seconds",
        stuttering("broker"),
        Demand("IngestAvailabilityBurn", 420.0, ("ProduceErrors", "OutboxOld", "CanaryFailing")),
    ),
    _one(
        "a stuttering PostgreSQL",
        "PostgreSQL stands still for 1.5 of each 2 seconds",
        stuttering("postgres"),
        Demand("GatewayReadsBurn", 420.0, ("DbPoolSaturated", "OutboxOld", "CanaryFailing", "IngestAvailabilityBurn")),
    ),
    _one(
        "health cannot write",
        "a session holds the rows that health's flushes begin with",
        held(f"SELECT slot {_ROWS}"),
        Demand("InputStuck FreshnessBurn", _SURE, (*_LATE, "DbPoolSaturated"), about="health"),
    ),
    _one(
        "alerts cannot write",
        "a session holds the rows that the flushes of alerts begin with",
        held(f"SELECT slot {_ROWS}".replace("health.", "alerts.")),
        Demand(
            "ConsumerStalled", 840.0, ("InputStuck", "CanaryFailing", "AlertDeliveryBurn", "DbPoolSaturated"), "alerts"
        ),
    ),
    _one(
        "no rounds",
        "a session holds the row of ingest's rounds: no heartbeat proves anything",
        held("SELECT one FROM ingest.round FOR UPDATE"),
        Demand("CompletenessStale", _SURE, ("FreshnessBurn", "SilenceHeld", "DbPoolSaturated")),
    ),
    _one(
        "a tampered row",
        "somebody adds a day of use by hand",
        tampered(),
        Demand("InvariantBroken", 300.0, judging=60.0, tampers=True),
    ),
    _one(
        "no audit",
        "the gateway may not write its audit log, and somebody acts",
        without_audit(),
        Demand("AuditWriteFailures", 120.0),
    ),
    _one(
        "deliveries held",
        "webhooks are due again, and a session holds their rows",
        overdue(),
        Demand("DeliveriesOverdue", 1_500.0, ("DbPoolSaturated",), judging=30.0),
    ),
    _one(
        "secrets that do not open",
        "the secrets that sign webhooks do not open, and sixty alerts are to be told",
        unopened(),
        Demand("AlertDeliveryBurn", 420.0),
    ),
    _one(
        "poison",
        "records that nobody can read fill a partition",
        poisoned(),
        Demand("PartitionStopped", 300.0, ("DeadLetters", *_LATE), "health", spoils=True),
    ),
    _one(
        "a replaced log",
        "the broker comes back empty",
        Fault(replace_the_log, nothing),
        Demand("PartitionStopped", 300.0, ("KafkaDown", *_KAFKA), spoils=True),
    ),
)

DRILLS: Final = (*PROCESSES, *ALERTS)
"""In the order of a whole run; each that spoils its plant is followed by a new one."""
