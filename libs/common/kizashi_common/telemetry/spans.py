"""What a span may say: a closed list, of which nothing can name a customer, a person or a secret.

Source: OPERATIONS.md 8; OpenTelemetry semantic conventions, where they have a name.
"""

from __future__ import annotations

from enum import StrEnum


class Attribute(StrEnum):
    """The attributes of our spans. Ids of workspaces and accounts are not among them: logs have those, by trace id."""

    METHOD = "http.request.method"
    ROUTE = "http.route"
    STATUS = "http.response.status_code"
    ERROR = "error.type"
    SYSTEM = "messaging.system"
    TOPIC = "messaging.destination.name"
    PARTITION = "messaging.destination.partition.id"
    OFFSET = "messaging.kafka.offset"
    COUNT = "messaging.batch.message_count"
    OUTCOME = "kizashi.outcome"
    CHANNEL = "kizashi.channel"
    ATTEMPT = "kizashi.attempt"
