"""No secret in any file that git keeps: private keys, keys of well-known services, and keys of our own.

Our own keys carry a checksum, so one that was made up for an example and one that opens something differ.

Source: OPERATIONS.md 10; INGEST.md 15.
"""

from __future__ import annotations

import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from scripts.audit.locked import ROOT

from kizashi_common.keys import checksum

FORMS: Final = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60,})"),
    "a Slack token": re.compile(r"\bxox[abeprs]-[0-9A-Za-z-]{20,}"),
    "a Stripe key": re.compile(r"\b[sr]k_live_[0-9A-Za-z]{20,}"),
    "a Google key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a signed token": re.compile(r"\beyJ[0-9A-Za-z_-]{15,}\.eyJ[0-9A-Za-z_-]{15,}\.[0-9A-Za-z_-]{20,}"),
    "a webhook secret": re.compile(r"\bwhsec_[0-9A-Za-z+/]{32,}={0,2}"),
}
EXAMPLE: Final = f"whsec_{b64encode(bytes(range(32))).decode()}"
"""The bytes 0 to 31: the one webhook secret that documents and tests show."""

OURS: Final = re.compile(r"\bkz(?:[sw]_([0-9A-Za-z]{32})|a_[0-9A-Za-z]{12}_([0-9A-Za-z]{43}))([0-9A-Za-z]{6})\b")


def findings(files: Iterable[Path], root: Path = ROOT) -> list[str]:
    """Where each secret stands, as `file:line: what it is`; the secret itself is not repeated."""
    found = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for what, at in _secrets(text):
            found.append(f"{path.relative_to(root)}:{text.count(chr(10), 0, at) + 1}: {what}")
    return found


def _secrets(text: str) -> Iterable[tuple[str, int]]:
    for what, form in FORMS.items():
        yield from ((what, match.start()) for match in form.finditer(text) if match[0] != EXAMPLE)
    for match in OURS.finditer(text):
        if checksum(match[1] or match[2]) == match[3]:
            yield "a key of Kizashi with a right checksum", match.start()


def kept(root: Path = ROOT) -> list[Path]:
    """Every file that git keeps, or would."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    return [root / name for name in names if name]


def main() -> int:
    """Exit 1 on a finding."""
    files = kept()
    found = findings(files)
    print("\n".join(found) or f"secrets: none in {len(files)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
