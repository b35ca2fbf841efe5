"""The way from bytes to envelopes without HTTP, bus or clock."""

from __future__ import annotations

from typing import Any

from kizashi_common.contracts.events import IngestNote
from kizashi_ingest.domain.body import opened
from kizashi_ingest.domain.dialect import Asked
from kizashi_ingest.domain.dialects import ROUTES
from kizashi_ingest.domain.frame import Frame
from kizashi_ingest.domain.intake import Intake, Outcome
from kizashi_ingest.domain.limits import Limits
from kizashi_ingest.domain.notes import Notes
from kizashi_ingest.domain.source_key import SourceKey
from kizashi_ingest.domain.timing import Age, Sending
from tests.ingest.house import NOW

KEY = SourceKey("ws_demo", "backend", "segment_server", "server", currency="EUR")


def intake_of(
    path: str, body: bytes, *, key: SourceKey = KEY, limits: Limits | None = None, **more: Any
) -> list[Outcome]:
    """What becomes of every item of a body. Raises: Invalid."""
    limits = limits or Limits()
    route = ROUTES[path]
    batch = route.read(opened(body, None, limits.inflated_bytes))
    frame = Frame(
        key,
        IngestNote(more.get("request_id", "req_1"), "node", route.dialect),
        Sending(more.get("now", NOW), is_fresh=True),
        Age(limits, key.may_import),
        f"/workspaces/{key.workspace}/sources/{key.source}",
        more.get("agent"),
        batch.claims_history,
    )
    intake = Intake(route, Asked(path, batch.members, {}), frame, Notes(), None)
    return [intake.take(i, item) for i, item in enumerate(batch.items)]
