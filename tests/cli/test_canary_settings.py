"""What the canary is told: every fault at once, a misspelt name refused, each setting explained and bounded."""

from __future__ import annotations

import annotated_types
import pytest
from pydantic import SecretStr

from kizashi_cli.canary.command import main, settings_of
from kizashi_cli.canary.settings import CanarySettings
from kizashi_common.errors import Invalid

GOOD = {
    "KIZASHI_CANARY_INGEST_URL": "http://127.0.0.1:8000",
    "KIZASHI_CANARY_GATEWAY_URL": "http://127.0.0.1:8000",
    "KIZASHI_CANARY_SERVER_KEY": "kzs_0123456789",
    "KIZASHI_CANARY_API_KEY": "kza_0123456789",
}


def faults_of(environment: dict[str, str]) -> set[str]:
    with pytest.raises(Invalid) as refused:
        settings_of(environment)
    return {fault.pointer for fault in refused.value.faults}


def test_the_addresses_and_keys_are_enough() -> None:
    settings = settings_of(GOOD)
    assert (settings.canary_score_every_seconds, settings.canary_alert_every_seconds) == (30, 300)
    assert "kza_" not in repr(settings)


def test_every_fault_is_told_at_once() -> None:
    wrong = {**GOOD, "KIZASHI_CANARY_GATEWAY_URL": "gateway", "KIZASHI_CANARY_EVERY": "30", "PATH": "/bin"}
    del wrong["KIZASHI_CANARY_API_KEY"]
    assert faults_of(wrong) == {"KIZASHI_CANARY_GATEWAY_URL", "KIZASHI_CANARY_EVERY", "KIZASHI_CANARY_API_KEY"}


def test_production_takes_keys_from_files_alone() -> None:
    assert "KIZASHI_CANARY_API_KEY" in faults_of({**GOOD, "KIZASHI_ENV": "production"})


def test_the_command_names_what_is_missing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    assert main("canary", []) == 1
    assert "KIZASHI_CANARY_SERVER_KEY" in capsys.readouterr().err


def test_every_setting_is_explained_bounded_and_keeps_its_secret() -> None:
    for name, field in CanarySettings.model_fields.items():
        assert field.description, name
        if field.annotation in (int, float):
            kinds = {type(bound) for bound in field.metadata}
            assert kinds >= {annotated_types.Ge, annotated_types.Le}, name
        assert ("key" in name) == (field.annotation is SecretStr), name
