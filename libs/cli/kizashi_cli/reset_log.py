"""`kizashi admin reset-log`: a person's leave to read on in a log that was replaced, or behind records that are gone.

It is a leave and no more: the service that owns a stopped partition takes it within seconds and opens a new
incarnation.

Source: OPERATIONS.md 0; decision 0046.
"""

from __future__ import annotations

from typing import Final

from kizashi_cli.place import Place
from kizashi_common.contracts.topics import TOPICS
from kizashi_common.db.database import Database
from kizashi_common.errors import Absent
from kizashi_common.stream.second_look import Leave, give_leave

COUNTING: Final = frozenset(("health", "alerts"))
"""The services that keep offsets in PostgreSQL; of others nothing stops."""


def readers(topic: str) -> list[str]:
    """The services whose partitions of the topic may stop. Raises: Absent for a topic that nobody reads so."""
    found = [name for one in TOPICS if one.name == topic for name in one.consumers if name in COUNTING]
    if not found:
        known = ", ".join(one.name for one in TOPICS if COUNTING & set(one.consumers))
        raise Absent(f"No partition of {topic!r} can stop; the topics are {known}.")
    return found


async def reset_log(place: Place, topic: str, leave: Leave) -> dict[str, list[int]]:
    """Gives leave for every partition of the topic; answers which, by service.

    Raises: Absent for an unknown topic, or one of which nothing was ever read; Busy without the database.
    """
    given = {}
    for service in readers(topic):
        database = Database(place.database_url(service), pool=1)
        try:
            given[service] = await give_leave(database, service, topic, leave)
        finally:
            await database.close()
    if not any(given.values()):
        raise Absent(f"Nothing of {topic} was ever read, so nothing can be reset.")
    return given
