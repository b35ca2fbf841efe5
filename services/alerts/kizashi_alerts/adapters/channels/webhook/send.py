"""Webhooks as Standard Webhooks 1.0.0 has them, signed by the published library.

Source: ALERTS.md 11; standardwebhooks.com.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from standardwebhooks.webhooks import Webhook as Signer

from kizashi_alerts.adapters.channel import Gone, Notification, Refused, Sent
from kizashi_alerts.adapters.outbound import Answer, Outbound

NAME: Final = "webhook"
_GONE: Final = 410
_CROWDED: Final = 429
_SAID_CHARACTERS: Final = 2_048


class Webhook:
    """Implements `adapters.channel.Channel`. `version` names us to receivers."""

    name = NAME

    def __init__(self, outbound: Outbound, version: str) -> None:
        self._outbound = outbound
        self._agent = f"Kizashi/{version}"

    async def send(self, notification: Notification) -> Sent:
        """One attempt, signed with the time of this attempt under every live secret.

        Raises: Gone for 410; Refused for any other answer but 2xx, redirects among them; Unavailable without one.
        """
        headers = {
            "content-type": "application/json",
            "user-agent": self._agent,
            "webhook-id": notification.id,
            "webhook-timestamp": str(int(notification.at.timestamp())),
            "webhook-signature": signature(notification.secrets, notification.id, notification.at, notification.body),
        }
        if notification.traceparent is not None:
            headers["traceparent"] = notification.traceparent
        answer = await self._outbound.post(notification.url, headers, notification.body)
        said = answer.body[:_SAID_CHARACTERS].decode("utf-8", "replace").replace("\x00", "")
        if answer.status == _GONE:
            raise Gone(answer.status, said)
        if not 200 <= answer.status < 300:
            wish = _retry_after(answer, notification.at)
            raise Refused(answer.status, said, crowded=answer.status == _CROWDED, retry_after=wish)
        return Sent(answer.status, said)


def signature(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> str:
    """The value of `webhook-signature`: one entry per secret that is live, separated by spaces.

    Shape: `at` is an aware instant; the library takes its wall time for UTC, hence the conversion.
    """
    utc = at.astimezone(UTC)
    return " ".join(Signer(secret).sign(message_id, utc, body.decode()) for secret in secrets)


def _retry_after(answer: Answer, now: datetime) -> timedelta | None:
    value = answer.headers.get("retry-after", "").strip()
    if value.isdecimal() and len(value) < 10:
        return timedelta(seconds=int(value))
    try:
        return max(parsedate_to_datetime(value).astimezone(UTC) - now, timedelta(0))
    except (ValueError, OverflowError):  # a receiver may say anything, years beyond the calendar among it
        return None
