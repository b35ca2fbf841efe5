"""How to reach the broker, and what that means for the client: address, trust, credentials, patience.

Source: OPERATIONS.md 0 and 4, "kafka-strimzi"; HEALTH.md 4.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_SSL"]
MECHANISM: Final = "SCRAM-SHA-512"
"""The one way to log in: the password never crosses the wire, and the broker keeps no copy of it."""


@dataclass(frozen=True, slots=True)
class Security:
    """Encryption and login, in Kafka's own words.

    Shape: `ca` holds certificates in PEM, empty for those that the system trusts; user and password go with SASL_SSL.
    """

    protocol: SecurityProtocol = "PLAINTEXT"
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)

    def options(self) -> dict[str, Any]:
        """What every aiokafka client is told. Raises: ssl.SSLError when `ca` holds no certificate."""
        told: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol != "PLAINTEXT":
            # Names and certificates are checked: a client that trusts everybody encrypts for the wrong one.
            told["ssl_context"] = ssl.create_default_context(cadata=self.ca or None)
        if self.protocol == "SASL_SSL":
            told |= {
                "sasl_mechanism": MECHANISM,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return told


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach the broker.

    `volatile`: the broker of local mode that forgets. It has no producer ids, so no idempotence; and a member waits for
    half a session before it is let in (measured: 30 s of 60, 3 s of 6; a static one longer), so sessions are short and
    members dynamic. It dies with its only client, hence nobody waits for the partitions of a killed member.
    """

    bootstrap: str
    client_id: str
    volatile: bool = False
    service: str = "other"
    """Whose client it is, for metrics."""
    security: Security = Security()

    @property
    def session_timeout(self) -> timedelta:
        """After so long without a sign a member is taken for dead."""
        return timedelta(seconds=6 if self.volatile else 60)

    @property
    def heartbeat(self) -> timedelta:
        """How often a member gives a sign."""
        return timedelta(seconds=1 if self.volatile else 5)

    def client(self, suffix: str = "") -> dict[str, Any]:
        """What every client is told: where, as whom, and how to trust."""
        return {
            "bootstrap_servers": self.bootstrap,
            "client_id": self.client_id + suffix,
            **self.security.options(),
        }
