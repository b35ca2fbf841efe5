"""`kizashi doctor`: what is well, what is not, and what to do; works with the product stopped.

Source: OPERATIONS.md 1.6.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from kizashi_cli.compose import environment, is_root, run_in_loop
from kizashi_cli.failures import described
from kizashi_common.errors import KizashiError
from kizashi_common.runtime.compose import clock
from kizashi_local.checks import Line, look_at, standing
from kizashi_local.instance import data_directory
from kizashi_local.live_checks import running

EXITS: Final[Mapping[str, int]] = {"ok": 0, "warning": 1, "fault": 2}


def main(_: str, arguments: Sequence[str]) -> int:
    """Exit 0 when all is well, 1 with warnings, 2 with faults."""
    parser = argparse.ArgumentParser(prog="kizashi doctor", description="Say what is well, what is not, what to do.")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data directory of the installation to look at")
    options = parser.parse_args(arguments)
    around = environment()
    data = data_directory(options.data, around, is_root=is_root())
    try:
        lines = run_in_loop(_examined(data, around))
    except KizashiError as error:
        print(described(error), file=sys.stderr)
        return EXITS["fault"]
    for line in lines:
        print(json.dumps(asdict(line)) if options.json else shown(line))
    return max(EXITS[line.level] for line in lines)


async def _examined(data: Path, around: Mapping[str, str]) -> list[Line]:
    patient = look_at(data, around)
    lines = standing(patient)
    if patient.is_running and patient.addresses is not None:
        lines += await running(patient, clock)
    return lines


def shown(line: Line) -> str:
    """A finding for people."""
    text = f"{line.level:<8}{line.check:<16}{line.found}"
    return f"{text}\n{'':<24}→ {line.advice}" if line.advice else text
