"""Which broker: somebody's, a real Kafka, or the volatile one; and what is remembered of it.

A data directory that began on the volatile broker moves to Kafka as soon as that is possible; one that began on Kafka
never falls back by itself, because its log may hold events that nobody has counted yet.

Source: OPERATIONS.md 1.3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from kizashi_common.errors import Conflict, Invalid
from kizashi_local.broker.broker import Broker, BrokerFailed, BrokerPlace, Kind, Progress, Wanted
from kizashi_local.broker.kafka import start_kafka
from kizashi_local.broker.kafka_jars import KAFKA_VERSION, NoKafka, jars
from kizashi_local.broker.ready import ask
from kizashi_local.broker.volatile import NOTICE, start_volatile
from kizashi_local.children import Launcher
from kizashi_local.files import make_folder

BOOTSTRAP: Final = "KIZASHI_KAFKA_BOOTSTRAP_SERVERS"
JARS_FOLDER: Final = "KIZASHI_KAFKA_JARS_DIR"


class Choice(NamedTuple):
    """The kind to start, where Kafka's jars are (for `kafka`), and a line for people where something is to be said."""

    kind: Kind
    jars: Path | None = None
    word: str | None = None


async def choose(
    wanted: Wanted, remembered: Kind | None, bootstrap: str | None, find_jars: Callable[[], Awaitable[Path]]
) -> Choice:
    """Decides the kind. `find_jars` is asked only when Kafka comes into question.

    Raises: Invalid when `external` is wanted without an address, NoKafka when Kafka is wanted and cannot be had,
    Conflict when the directory began on Kafka, which cannot be had now.
    """
    if wanted == "external" or (wanted == "auto" and bootstrap):
        if not bootstrap:
            raise Invalid(f"--broker external needs {BOOTSTRAP}, a list of host:port.")
        return Choice("external")
    if wanted == "volatile":
        return Choice("volatile", word=NOTICE.format(reason="asked for with --broker volatile"))
    try:
        found = await find_jars()
    except NoKafka as refusal:
        return _without_kafka(wanted, remembered, refusal)
    moved = f"This data directory began on the volatile broker; it moves to Apache Kafka {KAFKA_VERSION} now."
    return Choice("kafka", found, moved if remembered == "volatile" else None)


def _without_kafka(wanted: Wanted, remembered: Kind | None, refusal: NoKafka) -> Choice:
    if wanted == "kafka":
        raise NoKafka(f"--broker kafka: {refusal.detail}.") from refusal
    if remembered == "kafka":
        raise Conflict(
            f"This data directory began on Apache Kafka, which cannot be started now: {refusal.detail}. Its log may "
            "hold events that are not counted yet, so it does not move by itself; `--broker volatile` moves it anyway."
        ) from refusal
    return Choice("volatile", word=NOTICE.format(reason=refusal.detail))


async def start_broker(
    place: BrokerPlace, launcher: Launcher, *, wanted: Wanted, remembered: Kind | None, progress: Progress
) -> Broker:
    """A broker that answers. What is to be said about it goes to `progress`.

    Raises: as `choose`, and BrokerFailed or ChildDied when the chosen one does not come up.
    """
    environment = launcher.environment
    make_folder(place.data)
    bootstrap = environment.get(BOOTSTRAP)
    folder = Path(environment.get(JARS_FOLDER) or place.data)
    log = place.data / "log" / "maven.log"
    choice = await choose(wanted, remembered, bootstrap, lambda: jars(folder, log, launcher, progress))
    if choice.word:
        progress(choice.word)
    if choice.kind == "external":
        return await _external(bootstrap or "")
    if choice.jars is not None:
        kafka = await start_kafka(place, choice.jars, launcher)
        return replace(kafka, follows_volatile=remembered == "volatile")
    return await start_volatile(place, launcher)


async def _external(bootstrap: str) -> Broker:
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdigit():
            raise Invalid(f"{BOOTSTRAP} holds {address!r}, which is not host:port.")
        answer = await ask(host, int(port), timedelta(seconds=10))
        if answer is not None:
            return Broker("external", bootstrap, answer.cluster_id)
    raise BrokerFailed(f"No broker answers at {bootstrap} ({BOOTSTRAP}).")
