"""What `kizashi up` says when everything runs: one JSON line for programs, a page for people.

Source: OPERATIONS.md 1.6; the JSON line is read by tests and scripts, so its names are a promise.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from kizashi_local.broker.broker import Kind


@dataclass(frozen=True)
class Ready:
    """A running installation. The keys are given on the first start of a data directory only."""

    gateway: str
    ingest: str
    ops: str
    broker: Kind
    data: str
    workspace: str
    admin_key: str | None
    server_key: str | None
    sign_in: str

    def line(self) -> str:
        """Exactly one line of JSON."""
        return json.dumps({"ready": True, **asdict(self)}, separators=(",", ":"))

    def page(self) -> str:
        """The same for people: what to open, what to try."""
        lines = [
            "",
            "Kizashi is ready.",
            "",
            f"  Console    {self.sign_in}",
            "             (signs you in once, within ten minutes; a new link comes with every start)",
            f"  API        {self.gateway}/v1/openapi.json",
            f"  Events     {self.ingest}",
            f"  Operations {self.ops}/readyz",
            f"  Broker     {self.broker}",
            f"  Data       {self.data}",
            f"  Workspace  {self.workspace}",
            *self._keys(),
            "",
            "Ctrl-C stops everything in good order.",
        ]
        return "\n".join(lines)

    def _keys(self) -> list[str]:
        if self.admin_key is None or self.server_key is None:
            return []
        return [
            "",
            "Shown this once; keep them:",
            f"  Admin key of the API      {self.admin_key}",
            f"  Server key for sending    {self.server_key}",
            "",
            "Send a first event (an account `acme`, a user `u-1`):",
            self.example(self.server_key),
        ]

    def example(self, server_key: str) -> str:
        """A command that sends one real batch, as a Segment SDK would."""
        event = {
            "type": "track",
            "event": "Report exported",
            "userId": "u-1",
            "messageId": "first-event-1",
            "context": {"groupId": "acme"},
        }
        body = json.dumps({"batch": [event]})
        return (
            f"  curl -sS -u {server_key}: -H 'Content-Type: application/json' \\\n"
            f"    -d '{body}' \\\n"
            f"    {self.ingest}/v1/batch"
        )
