"""`kizashi admin`: what an operator does by hand to a running installation.

In local mode it finds the installation by its data directory; in a container, by the settings of `kizashi migrate`.

Source: OPERATIONS.md 0; HEALTH.md 11.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from kizashi_cli.compose import account, environment, is_root, run_in_loop
from kizashi_cli.failures import described
from kizashi_cli.place import Place, deployed
from kizashi_cli.reset_log import reset_log
from kizashi_common.contracts.commands.alerts import REPLAYS_PATH, ImportedPast
from kizashi_common.contracts.commands.health import RECONSTRUCTIONS_PATH, ReconstructionRequest
from kizashi_common.db.database import Database
from kizashi_common.errors import KizashiError, Unavailable
from kizashi_common.http.internal import PATIENCE_FOR_A_PAST, InternalClient
from kizashi_common.runtime.compose import chance, clock, new_uuid
from kizashi_common.stream.second_look import Leave
from kizashi_common.telemetry.logging import configure
from kizashi_local.first_workspace import WORKSPACE, Founding, found_workspace
from kizashi_local.installed import Installed, installed
from kizashi_local.instance import data_directory

Answer = Mapping[str, object]
JUDGED_DAYS: Final = 30


def parser() -> argparse.ArgumentParser:
    """The sub-commands and their options."""
    made = argparse.ArgumentParser(prog="kizashi admin", description="Change a running installation by hand.")
    actions = made.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create-workspace", help="make another workspace; prints its keys, once")
    create.add_argument("workspace", help="its id, for life: 1-32 lower-case letters, digits, inner hyphens")
    create.add_argument("--name", help="its name for people (default: the id)")
    again = actions.add_parser("reconstruct", help="write the scores of past days anew, after an import")
    again.add_argument("workspace", nargs="?", default=WORKSPACE)
    again.add_argument("--days", type=int, default=90, help="how many days back (default: %(default)s)")
    reset = actions.add_parser("reset-log", help="read on in a log that was replaced; for partitions that stopped")
    reset.add_argument("--topic", required=True, help="the topic whose partitions stopped")
    reset.add_argument("--accept-gap", action="store_true", help="also where records are gone that were never read")
    for action in (create, again, reset):
        action.add_argument("--data", type=Path, metavar="DIR", help="data directory of the installation")
        action.add_argument("--yes", action="store_true", help="do not ask")
    return made


def main(_: str, arguments: Sequence[str]) -> int:
    """Exit 0 when it is done, 1 when it failed, 2 when it was not confirmed. The answer is one JSON line."""
    options = parser().parse_args(arguments)
    configure(text=True, level=logging.WARNING)
    around = environment()
    if not options.yes and not _agreed(f"{options.action} {getattr(options, 'workspace', None) or options.topic}"):
        print("Nothing was changed.", file=sys.stderr)
        return 2
    try:
        answer = run_in_loop(_act(around, options))
    except (KizashiError, OSError) as error:
        print(described(error), file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


async def _act(around: Mapping[str, str], options: argparse.Namespace) -> Answer:
    place = deployed(around) if options.data is None else None
    if place is not None and options.action in ANYWHERE:
        return await ANYWHERE[options.action](place, options)
    here = installed(data_directory(options.data, around, is_root=is_root()), around)
    return await ACTIONS[options.action](here, options)


async def _reset_log(place: Place, options: argparse.Namespace) -> Answer:
    given = await reset_log(place, options.topic, Leave(account(), clock(), options.accept_gap))
    return {"topic": options.topic, "accept_gap": options.accept_gap, "partitions": given}


async def _create_workspace(place: Place, options: argparse.Namespace) -> Answer:
    databases = Database(place.database_url("gateway"), pool=1), Database(place.database_url("ingest"), pool=1)
    try:
        founding = Founding(*databases, clock, chance, new_uuid)
        made = await found_workspace(founding, options.workspace, options.name or options.workspace)
    finally:
        for database in databases:
            await database.close()
    return {"workspace": made.workspace, "admin_key": made.admin_key, "server_key": made.server_key}


async def _reconstruct(place: Installed, options: argparse.Namespace) -> Answer:
    """Health writes the daily rows; alerts then judges the last of them, so that an imported past shows its alerts."""
    rows = await _asked(place, "health", RECONSTRUCTIONS_PATH, ReconstructionRequest(days=options.days), options)
    past = ImportedPast(days=min(options.days, JUDGED_DAYS))
    return {"health": rows, "alerts": await _asked(place, "alerts", REPLAYS_PATH, past, options)}


async def _asked(place: Installed, owner: str, path: str, wish: BaseModel, options: argparse.Namespace) -> object:
    client = InternalClient(
        place.addresses.url(f"{owner}_internal"), place.secret("service_token"), "cli", PATIENCE_FOR_A_PAST
    )
    try:
        answer = await client.call("POST", path, (options.workspace, "system"), body=wish.model_dump_json().encode())
    finally:
        await client.aclose()
    if answer.status >= 300:
        text = answer.body.decode("utf-8", errors="replace")[:500]
        raise Unavailable(f"{owner} answered {answer.status}: {text}")
    return json.loads(answer.body)


def _agreed(what: str) -> bool:
    print(f"{what}: type yes to go on.", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == "yes"


ANYWHERE: Final[Mapping[str, Callable[[Place, argparse.Namespace], Coroutine[None, None, Answer]]]] = {
    "create-workspace": _create_workspace,
    "reset-log": _reset_log,
}
"""What needs the database alone."""

ACTIONS: Final[Mapping[str, Callable[[Installed, argparse.Namespace], Coroutine[None, None, Answer]]]] = {
    **ANYWHERE,
    "reconstruct": _reconstruct,
}
