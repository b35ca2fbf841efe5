"""Every channel there is: a folder each, registered here."""

from __future__ import annotations

from typing import Final

from kizashi_alerts.adapters.channels.webhook import send as webhook

CHANNELS: Final = (webhook.NAME,)
"""The names under which channels are counted and logged."""
