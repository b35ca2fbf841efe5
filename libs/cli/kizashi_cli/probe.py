"""`kizashi probe startupz|livez|readyz`: a container's health check, so it imports nothing that is slow.

Source: OPERATIONS.md 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException

OPS_PORT = 9000


def main(_: str, arguments: Sequence[str]) -> int:
    """Exit 0 when the answer is 200, else 1 with the answer on standard error."""
    parser = argparse.ArgumentParser(prog="kizashi probe", description="Ask a running process how it is.")
    parser.add_argument("probe", choices=("startupz", "livez", "readyz"))
    parser.add_argument("--port", type=int, default=OPS_PORT, help="its ops port (default: %(default)s)")
    options = parser.parse_args(arguments)
    connection = HTTPConnection("127.0.0.1", options.port, timeout=5)
    try:
        connection.request("GET", f"/{options.probe}")
        answer = connection.getresponse()
        body = answer.read(2000).decode("utf-8", errors="replace")
    except (OSError, HTTPException) as error:
        print(f"no answer on port {options.port}: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if answer.status != 200:
        print(body, file=sys.stderr)
        return 1
    return 0
