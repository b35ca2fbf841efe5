"""Health's reconstructed past, asked for by pages of accounts.

Source: contracts/scores; HEALTH.md 11.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import groupby
from typing import Final

import msgspec

from kizashi_common.contracts.scores import Score, decode
from kizashi_common.errors import Busy
from kizashi_common.http.internal import InternalClient

SNAPSHOTS_PATH: Final = "/internal/v1/snapshots"
NEXT: Final = "kizashi-next"
_PAGE: Final = 200


class Health:
    """What alerts may ask of health."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def pasts(self, workspace: str, days: int) -> AsyncIterator[list[Score]]:
        """The last days of every account, one account at a time, oldest day first.

        Raises: Busy when health cannot answer.
        """
        after: str | None = None
        while True:
            query = {"days": str(days), "limit": str(_PAGE)} | ({"after": after} if after is not None else {})
            answer = await self._client.call("GET", SNAPSHOTS_PATH, (workspace, "system"), query=query)
            if answer.status != 200:
                raise Busy("Health did not give the reconstructed days.", code="owner_unavailable")
            for _, account in groupby(_lines(answer.body), key=lambda score: score.id):
                yield list(account)
            after = answer.headers.get(NEXT)
            if after is None:
                return


def _lines(body: bytes) -> list[Score]:
    try:
        return [decode(line) for line in body.splitlines() if line]
    except msgspec.MsgspecError as error:
        raise Busy("Health's answer cannot be read.", code="owner_unavailable") from error
