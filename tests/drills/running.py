"""Carries a drill out: a plant under load, the shipped rules and routes over it, a fault, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from tests.chaos.harness import sending
from tests.drills.drill import Drill, Seen
from tests.drills.ledger import judged, looked_at
from tests.drills.load import at_work, reading, steady
from tests.drills.onlooker import Alert, Onlooker, Receivers
from tests.drills.plant import Plant
from tests.ops.prometheus import RULES, alertmanager_telling, prometheus_over

CALM_SECONDS: Final = 90.0
"""Of an installation: how long it runs unharmed before the fault, which every alert must let pass in silence."""
OVER_SECONDS: Final = 2_700.0
"""Of an installation: how long the alerts of a fault may stand after it; a burn is over when its 30 minutes are."""
LEEWAY_SECONDS: Final = 15.0
"""Of the machine that drills: what processes need to start and time-outs to end, whatever the pace."""


class Watchers(NamedTuple):
    """Who looks on."""

    onlooker: Onlooker
    receivers: Receivers

    def since(self, drill: Drill, name: str) -> float | None:
        """When a wanted alert of that name was first held."""
        seen = self.onlooker.first_seen.items()
        return min((at for alert, at in seen if alert.name == name and drill.wants(alert)), default=None)

    def told(self, drill: Drill) -> bool:
        """Whether the pager was told of all that the drill wants."""
        pages = [
            Alert(page.name, page.service, "page") for page in self.receivers.told if page.is_of("pager", "firing")
        ]
        return drill.pages <= {alert.name for alert in pages if drill.wants(alert)}

    def all_is_seen(self, drill: Drill) -> bool:
        """Whether there is nothing to wait for any more."""
        return all(self.since(drill, name) is not None for name in drill.pages) and self.told(drill)

    def stands(self, drill: Drill) -> bool:
        """Whether a wanted alert is held now."""
        return any(drill.wants(alert) for alert in self.onlooker.now)


@asynccontextmanager
async def watched(plant: Plant, folder: Path) -> AsyncIterator[Watchers]:
    """A new Prometheus, Alertmanager and pager over the plant, without a memory of earlier drills."""
    rules = plant.pace.rules(RULES, folder / "rules")
    receivers = Receivers()
    with ExitStack() as stack:
        stack.enter_context(receivers.listening())
        alertmanager = stack.enter_context(alertmanager_telling(receivers.url, folder))
        overseeing = prometheus_over(
            plant.ops_ports, folder, rules=rules, alertmanager=alertmanager.address, every=plant.pace.scrape
        )
        stack.enter_context(overseeing)
        onlooker = Onlooker(alertmanager)
        async with at_work(onlooker.keep_looking()):
            yield Watchers(onlooker, receivers)


async def carried_out(drill: Drill, plant: Plant, folder: Path, *, brief: bool = False) -> Seen:
    """Runs the drill. The plant is well again afterwards, unless the drill spoils it.

    `brief`: the end of the fault is not followed by a wait for that of its alerts, which a burn makes half an hour.
    """
    seen = Seen(drill, awaited=not brief)
    async with watched(plant, folder) as watchers, looked_at(plant) as watch, sending(plant) as client:
        async with steady(client, plant.truth), reading(plant):
            await asyncio.sleep(plant.pace.span(CALM_SECONDS))
            seen.before, looks = frozenset(watchers.onlooker.first_seen), watch.looks
            await _strike(drill, plant, watchers, seen)
            if not drill.spoils:
                await _heal(drill, plant, watchers, seen)
            seen.looks = watch.looks - looks
        seen.died = plant.died()
        if not drill.spoils and not seen.died:
            await client.done(seconds=120)
        seen.others = frozenset(watchers.onlooker.first_seen) - seen.before
        seen.silenced, seen.broken = frozenset(watchers.onlooker.silenced), tuple(watch.faults)
    if not drill.spoils and not seen.died:
        seen.verdict = await judged(plant)
    return seen


async def _strike(drill: Drill, plant: Plant, watchers: Watchers, seen: Seen) -> None:
    """From the fault until all that must be seen is, or the limit is over."""
    struck = _now()
    await drill.strike(plant)
    with suppress(TimeoutError):
        async with asyncio.timeout(plant.pace.span(drill.within) + drill.judging + LEEWAY_SECONDS):
            while not watchers.all_is_seen(drill):
                await asyncio.sleep(0.1)
    first = {name: watchers.since(drill, name) for name in sorted(drill.pages)}
    seen.seconds = {name: None if at is None else at - struck for name, at in first.items()}
    seen.paged = watchers.told(drill)


async def _heal(drill: Drill, plant: Plant, watchers: Watchers, seen: Seen) -> None:
    """From the end of the fault until its alerts are gone, or the limit is over."""
    begun = _now()
    await drill.heal(plant)
    if not seen.awaited:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(plant.pace.span(OVER_SECONDS) + LEEWAY_SECONDS):
            while watchers.stands(drill):
                await asyncio.sleep(0.1)
            seen.over_after = _now() - begun
    seen.standing = frozenset(alert for alert in watchers.onlooker.now if drill.wants(alert))


def _now() -> float:
    return asyncio.get_running_loop().time()
