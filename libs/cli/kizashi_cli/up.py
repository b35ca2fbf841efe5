"""`kizashi up`: the whole product on this machine.

Standard output carries what was asked for (the page, or with `--json` one line); every step goes to standard error.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kizashi_cli.compose import environment, is_root, run_in_loop
from kizashi_cli.failures import described
from kizashi_common.errors import KizashiError
from kizashi_local.addresses import LOOPBACK
from kizashi_local.instance import data_directory
from kizashi_local.life import LocalMode, Wish
from kizashi_local.postgres_binaries import find_binaries
from kizashi_local.ready import Ready
from kizashi_local.service_settings import DATABASE_URL


def parser() -> argparse.ArgumentParser:
    """The options of `up`."""
    made = argparse.ArgumentParser(prog="kizashi up", description="Start everything on this machine.")
    made.add_argument("--json", action="store_true", help="print one JSON line on standard output when ready")
    made.add_argument("--demo", action="store_true", help="fill the workspace with a made-up vendor's customers")
    made.add_argument("--data", type=Path, metavar="DIR", help="data directory (default: where the system keeps such)")
    made.add_argument("--port-base", type=_base, metavar="N", help="first of the wanted ports (default: 7300)")
    made.add_argument("--broker", choices=("auto", "external", "kafka", "volatile"), default="auto")
    made.add_argument("--reset", action="store_true", help="empty the data directory first; asks")
    made.add_argument("--yes", action="store_true", help="do not ask")
    made.add_argument("--host", default=LOOPBACK, help="where console, API and ingest listen (default: %(default)s)")
    made.add_argument("--i-know", action="store_true", help="that an address off loopback lets others in, unencrypted")
    return made


def main(_: str, arguments: Sequence[str]) -> int:
    """Exit 0 after an orderly stop, 1 when a step or a child fails, 2 when asked for wrongly."""
    options = parser().parse_args(arguments)
    around = environment()
    data = data_directory(options.data, around, is_root=is_root())
    if options.host not in (LOOPBACK, "localhost") and not options.i_know:
        tell(f"--host {options.host} lets others reach console and ingest without encryption; say --i-know as well.")
        return 2
    if options.reset and not options.yes and not _agreed(data):
        tell("Nothing was changed.")
        return 2
    wish = Wish(
        data=data,
        port_base=options.port_base,
        broker=options.broker,
        host=options.host,
        demo=options.demo,
        reset=options.reset,
    )
    return run_in_loop(_up(wish, around, as_json=options.json))


async def _up(wish: Wish, around: Mapping[str, str], *, as_json: bool) -> int:
    def announce(ready: Ready) -> None:
        print(ready.line() if as_json else ready.page(), flush=True)

    mode = LocalMode(wish, around, tell, announce)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, mode.interrupts)
    try:
        if DATABASE_URL not in around:
            # Before anything is made: the image has no PostgreSQL, and its account no folder to make one in.
            find_binaries()
        await mode.run()
    except (KizashiError, OSError, BaseExceptionGroup) as error:
        tell(described(error))
        return 1
    return 0


def tell(line: str) -> None:
    """A line for people, on standard error, at once."""
    print(line, file=sys.stderr, flush=True)


def _agreed(data: Path) -> bool:
    tell(f"This deletes everything in {data}: database, log, keys. Type reset to go on.")
    return sys.stdin.readline().strip() == "reset"


def _base(text: str) -> int:
    base = int(text)
    if not 1024 <= base <= 65_000:
        raise argparse.ArgumentTypeError("a port base lies between 1024 and 65000")
    return base
