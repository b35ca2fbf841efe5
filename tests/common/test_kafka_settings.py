"""How the broker is reached: encrypted and logged in where that is said, checked before the start."""

from __future__ import annotations

import ssl
from base64 import b64encode
from pathlib import Path

import pytest

from kizashi_common.bus.kafka_settings import KafkaSettings
from kizashi_common.errors import Invalid
from kizashi_common.runtime.settings import BrokerSettings

WHERE = {"KIZASHI_KAFKA_BOOTSTRAP_SERVERS": "kafka:9093"}
LOGIN = {"KIZASHI_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KIZASHI_KAFKA_USER": "u", "KIZASHI_KAFKA_PASSWORD": "p"}


def test_without_a_word_it_is_plain_text() -> None:
    told = KafkaSettings("kafka:9092", "me", security=BrokerSettings.read(WHERE).security).client()
    assert told == {"bootstrap_servers": "kafka:9092", "client_id": "me", "security_protocol": "PLAINTEXT"}


def test_a_login_is_scram_over_a_connection_that_checks_names() -> None:
    told = BrokerSettings.read(WHERE | LOGIN).security.options()
    assert (told["sasl_mechanism"], told["sasl_plain_username"], told["sasl_plain_password"]) == (
        "SCRAM-SHA-512",
        "u",
        "p",
    )
    assert told["ssl_context"].check_hostname
    assert told["ssl_context"].verify_mode is ssl.CERT_REQUIRED


def test_the_password_never_prints() -> None:
    assert "p'" not in repr(BrokerSettings.read(WHERE | LOGIN).security)


@pytest.mark.parametrize("name", ["KIZASHI_KAFKA_USER", "KIZASHI_KAFKA_PASSWORD"])
def test_a_login_without_its_half_is_refused(name: str) -> None:
    told = WHERE | {key: value for key, value in LOGIN.items() if key != name}
    with pytest.raises(Invalid, match=f"{name}: .*SASL_SSL"):
        BrokerSettings.read(told)


def test_an_authority_comes_as_pem_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("no certificate")
    with pytest.raises(Invalid, match=r"KIZASHI_KAFKA_CA: .*PEM"):
        BrokerSettings.read(WHERE | {"KIZASHI_KAFKA_CA_FILE": str(tmp_path / "ca")})


def test_an_authority_that_is_no_certificate_does_not_pass_for_one() -> None:
    body = b64encode(b"nothing").decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"
    told = WHERE | {"KIZASHI_KAFKA_SECURITY_PROTOCOL": "SSL", "KIZASHI_KAFKA_CA": pem}
    with pytest.raises(ssl.SSLError):
        BrokerSettings.read(told).security.options()
