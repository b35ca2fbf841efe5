"""`python -m tests.drills`: carries drills out one after the other and writes the table of what was seen.

python -m tests.drills                        all, with the rules as they ship: hours
python -m tests.drills --scaled               all, with every span of time divided by 10
python -m tests.drills --brief                all, but nobody waits until the alerts are over: two hours
python -m tests.drills --only 'broker frozen' --only 'no audit'
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from tests.drills.drill import Drill, Seen
from tests.drills.pace import REAL, SCALED, Pace
from tests.drills.plant import Plant, planted
from tests.drills.report import page, write
from tests.drills.running import carried_out
from tests.drills.table import DRILLS


def main() -> int:
    """Exit 0 when every drill went as it must."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__.splitlines()[0])
    parser.add_argument("--scaled", action="store_true", help="divide every span of time by 10")
    parser.add_argument("--quick", action="store_true", help="only those that belong to each change's tests")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this drill; may be repeated")
    parser.add_argument("--brief", action="store_true", help="do not wait until the alerts are over")
    parser.add_argument("--list", action="store_true", help="say what there is, and do nothing")
    parser.add_argument("--out", type=Path, default=Path("ci-out/drills"), help="where the table goes")
    options = parser.parse_args()
    chosen = [drill for drill in DRILLS if _is_wanted(drill, options.only, quick=options.quick)]
    if options.list:
        print("\n".join(f"{drill.name:<28}{', '.join(sorted(drill.pages))}" for drill in chosen))
        return 0
    pace = SCALED if options.scaled else REAL
    try:
        drills = asyncio.run(carried_out_in_order(chosen, pace, options.out, brief=options.brief))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM
    print(page(drills, pace))
    return 1 if any(seen.faults() for seen in drills) or not drills else 0


async def carried_out_in_order(chosen: Sequence[Drill], pace: Pace, out: Path, *, brief: bool = False) -> list[Seen]:
    """All of them, over one plant as long as it can be used; the logs of a drill that went wrong are kept.

    Whoever ends this by SIGTERM, or by Ctrl-C, ends all that it has started.
    """
    running = asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    drills: list[Seen] = []
    plant: Plant | None = None
    with tempfile.TemporaryDirectory(prefix="kizashi-drills-") as folder:
        async with AsyncExitStack() as stack:
            for number, drill in enumerate(chosen):
                if plant is None:
                    plant = await stack.enter_async_context(planted(pace))
                begun = time.monotonic()
                seen = await carried_out(drill, plant, Path(folder) / str(number), brief=brief)
                drills.append(seen)
                write(drills, pace, out)
                said = "; ".join(seen.faults()) or "as it must"
                print(f"{drill.name}: {said} ({time.monotonic() - begun:.0f} s)", file=sys.stderr, flush=True)
                if seen.faults():
                    shutil.copytree(plant.data / "log", out / "log" / drill.name.replace(" ", "-"), dirs_exist_ok=True)
                if drill.spoils or seen.faults():
                    await stack.aclose()
                    plant = None
    return drills


def _is_wanted(drill: Drill, only: Sequence[str] | None, *, quick: bool) -> bool:
    return (drill.name in only if only else True) and (drill.quick or not quick)


if __name__ == "__main__":
    sys.exit(main())
