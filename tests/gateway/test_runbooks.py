"""Runbooks are read without signing in, and nothing else is read that way."""

from __future__ import annotations

from pathlib import Path

import pytest

from kizashi_gateway.console.pages.runbooks.page import read, runbooks
from tests.gateway.conftest import Gateway


async def test_the_runbook_of_an_alert_is_read_without_signing_in(gateway: Gateway) -> None:
    async with gateway.client() as stranger:
        answer = await stranger.get("/runbooks/KizashiKafkaDown")
    assert answer.status_code == 200
    assert "<h1>KizashiKafkaDown</h1>" in answer.text
    assert "Prove it is over" in answer.text
    assert "docker compose restart kafka" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_the_index_names_every_runbook_in_the_readers_language(gateway: Gateway) -> None:
    async with gateway.client() as stranger:
        english, japanese = await stranger.get("/runbooks"), await stranger.get("/runbooks?lang=ja")
    assert len(runbooks()) > 30
    for name in runbooks():
        assert f'href="/runbooks/{name}"' in english.text
    assert "ランブック" in japanese.text


@pytest.mark.parametrize(
    "path", ["KizashiNowhere", "README", "..%2F..%2Fpyproject", "%00", "KizashiKafkaDown.md", "KizashiKafkaDown%0A"]
)
async def test_no_other_file_is_read(gateway: Gateway, path: str) -> None:
    async with gateway.client() as stranger:
        answer = await stranger.get(f"/runbooks/{path}")
    assert answer.status_code == 404


async def test_a_runbook_cannot_be_changed(gateway: Gateway) -> None:
    async with gateway.client() as stranger:
        answer = await stranger.post("/runbooks/KizashiKafkaDown")
    assert answer.status_code == 405


def test_the_texts_of_a_wheel_come_before_those_of_the_repository(tmp_path: Path) -> None:
    packed, beside = tmp_path / "texts", tmp_path / "docs"
    beside.mkdir()
    (beside / "KizashiOne.md").write_text("# KizashiOne\nbeside")
    (beside / "README.md").write_text("no runbook")
    assert dict(read((packed, beside))) == {"KizashiOne": "# KizashiOne\nbeside"}
    packed.mkdir()
    (packed / "KizashiOne.md").write_text("# KizashiOne\npacked")
    assert dict(read((packed, beside))) == {"KizashiOne": "# KizashiOne\npacked"}
    assert dict(read((tmp_path / "nowhere",))) == {}
