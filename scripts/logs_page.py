"""The page of everything that Kizashi can say in its logs: `python -m scripts.logs_page` writes it, `--check` compares.

The list is `kizashi_common/telemetry/log_events.py`; the page is made from nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from kizashi_common.telemetry.log_events import page

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "logs.md"


def main(arguments: Sequence[str]) -> int:
    """Exit 1 when `--check` finds another page than the list makes."""
    if "--check" not in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE.name} is not what the list of events makes: python -m scripts.logs_page", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
