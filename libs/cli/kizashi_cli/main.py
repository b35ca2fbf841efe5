"""`kizashi`: one program, one word for what it shall do; only the module behind that word is imported.

Source: OPERATIONS.md 0.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from types import FrameType
from typing import Final

COMMANDS: Final = {
    "up": ("kizashi_cli.up", "start everything on this machine: database, broker, all four services"),
    "doctor": ("kizashi_cli.doctor", "say what is well, what is not, and what to do"),
    "ingest": ("kizashi_cli.serve", "run the service that accepts events"),
    "health": ("kizashi_cli.serve", "run the service that scores accounts"),
    "alerts": ("kizashi_cli.serve", "run the service that opens and delivers alerts"),
    "gateway": ("kizashi_cli.serve", "run the service that people and tools use"),
    "canary": ("kizashi_cli.canary.command", "use the product from outside, all day, and measure whether it works"),
    "migrate": ("kizashi_cli.migrate", "bring schema, roles and topics up to this version"),
    "demo": ("kizashi_cli.demo", "fill an installation that runs elsewhere with made-up customers"),
    "admin": ("kizashi_cli.admin", "make a workspace, accept a replaced log, reconstruct past scores"),
    "probe": ("kizashi_cli.probe", "ask a running process whether it is started, alive or ready"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command. Exit: 0 well, 1 failed (`doctor`: warnings), 2 asked for wrongly (`doctor`: faults)."""
    # Before any slow import: as a container's first process we have no default for this signal.
    signal.signal(signal.SIGTERM, _end)
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if given else 2
    if given[0] in ("-V", "--version"):
        print(version("kizashi"))
        return 0
    command = COMMANDS.get(given[0])
    if command is None:
        print(f"kizashi: there is no command {given[0]!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        code: int = import_module(command[0]).main(given[0], given[1:])
    except KeyboardInterrupt:
        return 130
    return code


def usage() -> str:
    """What there is, a line each."""
    lines = [f"  {name:<10}{what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(("usage: kizashi COMMAND …, or kizashi COMMAND --help", "", *lines))


def _end(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
