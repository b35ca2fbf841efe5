"""What the services are told in local mode: made here, a person's wish holds, and a typing error stops the start."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest

from kizashi_common.errors import Invalid
from kizashi_local.addresses import OFFSETS, Addresses
from kizashi_local.broker.broker import Broker
from kizashi_local.postgres import ExternalPostgres
from kizashi_local.service_settings import (
    DATABASE_URL,
    SERVICES,
    SETTINGS,
    refuse_mistyped,
    role_passwords,
    service_settings,
    shared_settings,
)

ADDRESSES = Addresses(**{name: 7300 + offset for name, offset in OFFSETS.items()})
VOLATILE = Broker("volatile", "127.0.0.1:7310", "kizashi-1")


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    first = shared_settings(tmp_path / "secrets", {}, ADDRESSES, VOLATILE)
    assert shared_settings(tmp_path / "secrets", {}, ADDRESSES, VOLATILE) == first
    assert len(b64decode(first["KIZASHI_MASTER_KEYS"], validate=True)) == 32
    assert role_passwords(tmp_path / "secrets") == role_passwords(tmp_path / "secrets")
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "secrets").iterdir()} == {0o600}


def test_a_persons_wish_holds_except_where_it_cannot(tmp_path: Path) -> None:
    given = {
        "KIZASHI_EGRESS_ALLOW": "10.0.0.0/8",
        "KIZASHI_KAFKA_BOOTSTRAP_SERVERS": "elsewhere:9092",
        "KIZASHI_KAFKA_PROFILE": "kafka",
        "PATH": "/bin",
    }
    told = shared_settings(tmp_path, given, ADDRESSES, VOLATILE)
    assert told["KIZASHI_EGRESS_ALLOW"] == "10.0.0.0/8"
    assert told["KIZASHI_KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:7310"
    assert told["KIZASHI_KAFKA_PROFILE"] == "volatile"
    assert "PATH" not in told


def test_webhooks_to_this_machine_are_allowed_in_local_mode(tmp_path: Path) -> None:
    assert shared_settings(tmp_path, {}, ADDRESSES, VOLATILE)["KIZASHI_EGRESS_ALLOW"] == "127.0.0.0/8,::1/128"


def test_every_service_accepts_what_it_is_told_and_logs_in_as_itself(tmp_path: Path) -> None:
    shared = shared_settings(tmp_path, {}, ADDRESSES, VOLATILE)
    passwords = role_passwords(tmp_path)
    for name in SERVICES:
        told = service_settings(name, shared, ExternalPostgres("postgresql://a:b@h:1/x"), "kizashi", passwords)
        assert told[DATABASE_URL] == f"postgresql://kizashi_{name}:{passwords[f'kizashi_{name}']}@h:1/kizashi"
        for settings in SETTINGS:
            settings.read(told)


def test_a_mistyped_setting_stops_the_start() -> None:
    refuse_mistyped({"KIZASHI_DATA_DIR": "/d", "KIZASHI_FAILPOINTS": "", "HOME": "/"})
    with pytest.raises(Invalid, match="KIZASHI_DATADIR"):
        refuse_mistyped({"KIZASHI_DATADIR": "/d"})
