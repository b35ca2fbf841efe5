"""The table that a run of drills leaves: fault, alert, seconds until seen, what else fired, the ledger's verdict."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tests.drills.drill import Seen
from tests.drills.onlooker import Alert
from tests.drills.pace import Pace

_HEAD: Final = ("fault", "alert", "seen after", "what else fired", "silenced", "over after", "ledger", "verdict")


def row(seen: Seen) -> tuple[str, ...]:
    """A drill as a line of the table."""
    return (
        seen.drill.fault,
        "<br>".join(seen.seconds),
        "<br>".join(_seconds(seconds) for seconds in seen.seconds.values()),
        _listed(alert for alert in seen.others if alert.name not in seen.drill.pages),
        _listed(seen.silenced),
        _seconds(seen.over_after) if seen.awaited else "nobody waited",
        f"{seen.verdict or 'not judged'}; {seen.looks} looks during the fault",
        "as it must" if not seen.faults() else "; ".join(seen.faults()),
    )


def page(drills: Sequence[Seen], pace: Pace) -> str:
    """All drills as a Markdown page."""
    scaled = (
        f"Spans of time of rules, scrapes, heartbeats and canary were divided by {pace.factor} (tests/drills/pace.py);"
        f" what services judge themselves was not. Seconds are real ones of this run."
    )
    spans = "The rules ran as they ship." if pace.factor == 1 else scaled
    head = ("# Drills", "", spans, "", _line(_HEAD), _line("---" for _ in _HEAD))
    lines = [*head, *(_line(row(seen)) for seen in drills)]
    return "\n".join(lines) + "\n"


def record(seen: Seen) -> dict[str, Any]:
    """A drill for programs."""
    return {
        "name": seen.drill.name,
        "fault": seen.drill.fault,
        "seconds": seen.seconds,
        "paged": seen.paged,
        "others": [alert._asdict() for alert in sorted(seen.others)],
        "silenced": [alert._asdict() for alert in sorted(seen.silenced)],
        "over_after": seen.over_after,
        "looks": seen.looks,
        "broken": seen.broken,
        "died": seen.died,
        "ledger": seen.verdict._asdict() if seen.verdict else None,
        "faults": seen.faults(),
    }


def write(drills: Sequence[Seen], pace: Pace, folder: Path) -> None:
    """Both forms, into a folder: after each drill, so that an interrupted run keeps what it found."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "drills.md").write_text(page(drills, pace), encoding="utf-8")
    whole = {"factor": pace.factor, "drills": [record(seen) for seen in drills]}
    (folder / "drills.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _listed(alerts: Iterable[Alert]) -> str:
    return "<br>".join(f"{alert.name} ({alert.service}, {alert.severity})" for alert in sorted(alerts)) or "nothing"


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"
