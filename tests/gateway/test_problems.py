"""Every code that a refusal can carry is explained, to anybody."""

from __future__ import annotations

import re
from pathlib import Path

from kizashi_common.http.explained import EXPLAINED
from kizashi_ingest.domain.answers import STATUS
from tests.gateway.conftest import Gateway

ROOT = Path(__file__).parents[2]
DOORS = (
    "services/gateway/kizashi_gateway", "services/health/kizashi_health/application",
    "services/health/kizashi_health/internal.py", "services/alerts/kizashi_alerts/application",
    "services/alerts/kizashi_alerts/domain/workflow.py", "libs/common/kizashi_common/http",
    "libs/common/kizashi_common/db/repeats.py",
)  # fmt: skip
"""Where a refusal of the API comes from."""


def raised() -> set[str]:
    places = [ROOT / door for door in DOORS]
    files = [file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])]
    return {code for file in files for code in re.findall(r'\bcode="([a-z_]+)"', file.read_text(encoding="utf-8"))}


def test_no_code_is_left_unexplained() -> None:
    assert len(raised()) > 15
    assert raised() | set(STATUS) <= set(EXPLAINED)


async def test_the_page_of_a_code_is_read_without_signing_in(gateway: Gateway) -> None:
    async with gateway.client() as stranger:
        problem = (await stranger.get("/v1/me")).json()
        page = await stranger.get(f"/problems/{problem['type'].removeprefix('urn:kizashi:problem:')}")
        index, unknown = await stranger.get("/problems?lang=ja"), await stranger.get("/problems/nothing")
    assert (page.status_code, index.status_code, unknown.status_code) == (200, 200, 404)
    assert "Send Authorization: Bearer" in page.text
    assert all(f'href="/problems/{code}"' in index.text for code in EXPLAINED)
