"""The operator's commands find the installation by what is around them, and take nothing on trust."""

from __future__ import annotations

import pytest

from kizashi_cli import admin
from kizashi_cli.place import deployed
from kizashi_common.errors import Invalid

TOLD = {
    "KIZASHI_DATABASE_URL": "postgresql://migrator:secret@db:5432/kizashi",
    "KIZASHI_KAFKA_BOOTSTRAP_SERVERS": "kafka:19092",
    **{f"KIZASHI_{role}_PASSWORD": f"{role.lower()}/secret" for role in ("INGEST", "HEALTH", "ALERTS", "GATEWAY")},
}


def test_beside_the_migrating_job_each_services_own_role_is_used() -> None:
    place = deployed(TOLD)
    assert place is not None
    assert place.database_url("health") == "postgresql://kizashi_health:health%2Fsecret@db:5432/kizashi"


def test_without_the_roles_passwords_it_is_a_laptop() -> None:
    assert deployed({"KIZASHI_DATABASE_URL": TOLD["KIZASHI_DATABASE_URL"]}) is None


def test_settings_that_are_missing_are_all_named() -> None:
    with pytest.raises(Invalid, match="KIZASHI_ALERTS_PASSWORD") as raised:
        deployed({"KIZASHI_HEALTH_PASSWORD": "long enough"})
    assert len(raised.value.faults) > 3


def test_what_would_be_changed_is_asked_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null", encoding="utf-8"))  # noqa: SIM115  closed with the process
    assert admin.main("admin", ["reset-log", "--topic", "kizashi.events.v1"]) == 2
    said = capsys.readouterr().err
    assert "reset-log kizashi.events.v1: type yes" in said
    assert "Nothing was changed" in said
