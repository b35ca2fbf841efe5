"""The proof on real accounts: commits to a catalogue of charts, through the HTTP door, shuffled, some of them twice.

Which accounts fall silent within 60 days is known; the product must rank them as well as the formula can, and every
probability must be the formula's under the calibration that the answer names.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import importlib.util
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.stories.harness import Kizashi, create_workspace, eventually, get

pytestmark = pytest.mark.story

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CHARTS = SHARED / "data" / "charts" / "events.csv.gz"
REFERENCE = SHARED / "design" / "pulse_reference.py"
HORIZON = 60
WINDOW_DAYS, MIN_DAYS = 120, 3
CUT_OFFS = ("2018-06-01", "2018-09-01", "2018-12-01", "2019-03-01", "2019-06-01", "2019-09-01")
PUBLISHED_AUC = 0.825
"""shared/data/README.md, "pulse, lapse, plain clock"."""
IMPORT_DAYS = 3_650
BATCH = 2_000


@dataclass(frozen=True)
class Row:
    """One event of the log, moved by whole weeks."""

    id: str
    account: str
    user: str
    feature: str
    at: datetime

    def sent(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "account": self.account,
            "user": self.user,
            "action": "feature_used",
            "feature": self.feature,
            "at": self.at.isoformat(),
            "historical": True,
        }


def weeks_to_today(first: date) -> timedelta:
    """The fewest whole weeks that bring the first day inside what an import may hold."""
    oldest = datetime.now(UTC).date() - timedelta(days=IMPORT_DAYS)
    return timedelta(weeks=max(0, -((first - oldest).days // 7)))


def read_rows() -> tuple[list[Row], timedelta]:
    with gzip.open(CHARTS, "rt", encoding="utf-8", newline="") as file:
        raw = list(csv.DictReader(file))
    moved = weeks_to_today(date.fromisoformat(raw[0]["ts"][:10]))
    rows = [
        Row(
            f"charts-{i:06d}",
            r["account"],
            r["user"],
            r["event"],
            datetime.fromisoformat(r["ts"]).replace(tzinfo=UTC) + moved,
        )
        for i, r in enumerate(raw, start=1)
    ]
    return rows, moved


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pulse_reference", REFERENCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["pulse_reference"] = module
    spec.loader.exec_module(module)
    return module


async def send_all(sender: httpx2.AsyncClient, rows: Sequence[Row]) -> int:
    """Sends in batches, four at a time; returns how many were accepted."""
    gate = asyncio.Semaphore(4)

    async def send(batch: Sequence[Row]) -> int:
        async with gate:
            answer = await sender.post("/v1/events", json={"events": [row.sent() for row in batch]})
        assert answer.status_code == 200, answer.text
        assert answer.json()["quarantined"] == 0, answer.text[:500]
        return int(answer.json()["accepted"])

    batches = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
    return sum(await asyncio.gather(*map(send, batches)))


@pytest.mark.skipif(not CHARTS.exists() or not REFERENCE.exists(), reason="shared/data/charts is not beside this clone")
async def test_real_accounts_are_ranked_as_well_as_the_formula_can(product: Kizashi) -> None:
    formula = reference()
    rows, moved = read_rows()
    days_of: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        days_of[row.account].append(row.at.date().toordinal())
    days_of = defaultdict(list, {account: sorted(set(days)) for account, days in days_of.items()})
    chance = random.Random(20261124)
    sent = [*rows, *chance.sample(rows, len(rows) // 20)]
    chance.shuffle(sent)

    keys = await create_workspace(product, "charts")
    async with product.sender(keys["server_key"]) as sender, product.client(keys["admin_key"]) as api:
        changed = await api.put("/v1/workspace-settings", json={"horizon_days": HORIZON}, headers={"if-match": '"v0"'})
        assert changed.status_code == 200, changed.text
        await send_all(sender, sent)
        done_at = datetime.now(UTC)
        probe = f"/v1/accounts/ext:{quote(rows[0].account, safe='')}/score"
        await eventually(
            lambda: get(api, probe),
            lambda s: s and s["complete_through"] and datetime.fromisoformat(s["complete_through"]) > done_at,
            seconds=120,
        )
        aucs = []
        for text in CUT_OFFS:
            cut_off = (date.fromisoformat(text) + moved).toordinal()
            accounts = formula.population(days_of, cut_off, WINDOW_DAYS, MIN_DAYS)
            answers = await asyncio.gather(*(read_score(api, account, cut_off) for account in accounts))
            for account, answer in zip(accounts, answers, strict=True):
                assert answer["pulse"]["probability"] == pytest.approx(
                    expected(formula, days_of[account], cut_off, answer["pulse"]), abs=1e-6
                )
            outcome = [formula.outcome_of(days_of[account], cut_off, HORIZON) for account in accounts]
            aucs.append(formula.auc(outcome, [answer["pulse"]["probability"] for answer in answers]))
    mean = sum(aucs) / len(aucs)
    print(f"charts: AUC {mean:.4f} over {len(aucs)} cut-offs, {[round(auc, 3) for auc in aucs]}")
    assert mean == pytest.approx(PUBLISHED_AUC, abs=0.003)


_READS = asyncio.Semaphore(8)


async def read_score(api: httpx2.AsyncClient, account: str, as_of: int) -> Any:
    async with _READS:
        answer = await api.get(
            f"/v1/accounts/ext:{quote(account, safe='')}/score", params={"as_of": date.fromordinal(as_of).isoformat()}
        )
    assert answer.status_code == 200, answer.text
    return answer.json()


def expected(formula: ModuleType, days: list[int], as_of: int, pulse: dict[str, Any]) -> float:
    """The formula's probability under the calibration that the answer names."""
    named = pulse["calibration"]
    settings = formula.Settings(
        horizon=float(pulse["horizon_days"]),
        profile=pulse["profile"],
        prior_pace=named["prior_pace"],
        base_rate=named["base_rate"],
        slope=named["slope"],
        intercept=named["intercept"],
        typical=named["typical"],
    )
    return float(formula.pulse(days, as_of, settings).probability)
