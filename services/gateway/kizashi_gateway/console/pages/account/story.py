"""An account's numbers turned into what a person reads: rows that add up, alerts that say what to do, facts, figures.

Source: SCORING.md 3.3; ALERTS.md 6; GATEWAY.md 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kizashi_common.contracts.scores import REASON_CODES
from kizashi_gateway.console.language import Words
from kizashi_gateway.console.reasons import sentence
from kizashi_gateway.domain.points import tenths
from kizashi_gateway.queries.accounts import Account, Directory, KnownFact, Reason, reasons
from kizashi_gateway.queries.alerts import Alert

_FIGURES: Final = (
    "usage.active_days_28",
    "users.active_28",
    "users.active_7",
    "users.new_28",
    "users.lost_28",
    "usage.logins_28",
    "usage.events_28",
    "feature.breadth_28",
    "usage.ratio_own",
    "seats.bought",
    "seats.used_ratio",
    "seats.days_to_full",
    "seats.suggested",
    "usage.last_active_day",
    "account.age_days",
)
"""The signals of the account page, in its order; unknown ones are left out."""


@dataclass(frozen=True)
class ReasonsTable:
    """Baseline, the terms that move the score by a tenth or more, soft ends, total: in tenths, adding up exactly."""

    baseline: float
    rows: tuple[tuple[str, float], ...]
    scale: float
    total: float
    most: float


def reasons_table(account: Account, words: Words) -> ReasonsTable | None:
    """The score taken apart; nothing where there is no pulse."""
    pulse = account.body.get("pulse")
    if not isinstance(pulse, dict):
        return None
    terms = [term for term in REASON_CODES if term in pulse["points"]]
    parts = [float(pulse["baseline"]), *(float(pulse["points"][term]) for term in terms), float(pulse["scale"])]
    baseline, *points, scale = tenths(parts, float(pulse["health"]))
    texts = {reason.code: reason.text for reason in reasons(account.body.get("reasons"))}
    signals = account.body.get("signals") or {}
    rows = [
        (sentence(words, Reason(code, value, texts.get(code, "")), signals), value)
        for code, value in sorted(zip((REASON_CODES[term] for term in terms), points, strict=True), key=_by_weight)
        if value
    ]
    most = max([abs(value) for value in (*points, scale)] + [1.0])
    return ReasonsTable(baseline, tuple(rows), scale, round(baseline + sum(points) + scale, 1), most)


def _by_weight(row: tuple[str, float]) -> tuple[bool, float]:
    """What pulls down comes first, then what lifts, the heavier before the lighter."""
    return row[1] > 0, -abs(row[1])


def alert_card(alert: Alert, words: Words, directory: Directory, currency: str | None) -> dict[str, Any]:
    """An alert as the page shows it."""
    return {
        "alert": alert,
        "id": f"alr_{alert.id.hex}",
        "title": words.title(alert.title),
        "may_acknowledge": alert.workflow == "open",
        "evidence": [
            (words.known(f"signal.{name}", name), words.signal(name, value, currency))
            for name, value in alert.evidence.items()
        ],
        "actions": [words.title(action) for action in alert.recommended_actions],
        "acknowledged_by": directory.owner(alert.acknowledged_by)[1] if alert.acknowledged_by else None,
        "resolution": words.known(f"resolution.{alert.resolution}", alert.resolution or ""),
    }


def facts_of(
    facts: tuple[KnownFact, ...], words: Words, directory: Directory, currency: str | None
) -> list[tuple[str, str, str]]:
    """Name, value and since when, of each fact."""
    return [
        (
            words.known(f"fact.{fact.name}", fact.name),
            _value(fact, words, directory, currency),
            words.day_at(fact.at),
        )
        for fact in facts
    ]


def _value(fact: KnownFact, words: Words, directory: Directory, currency: str | None) -> str:
    value = fact.value
    if isinstance(value, dict) and "amount" in value:
        return words.money(float(value["amount"]), str(value.get("currency") or currency or "XXX"))
    if fact.name == "owner":
        return directory.owner(str(value))[1]
    if fact.name in ("arr", "mrr") and isinstance(value, int | float | str):
        return words.money(float(value), currency)
    return words.signal(f"fact.{fact.name}", value, currency)


def figures_of(account: Account, words: Words) -> list[tuple[str, str]]:
    """Name and value of the signals that the page shows."""
    signals = account.body.get("signals") or {}
    return [
        (words(f"signal.{name}"), words.signal(name, signals[name], account.currency))
        for name in _FIGURES
        if name in signals
    ]
