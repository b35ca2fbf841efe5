"""Known vulnerabilities of what is locked, asked of the advisory source that pip-audit asks.

A finding fails. A source that cannot be reached, or that knows none of the packages, proves nothing: that is a skip,
said aloud, never a pass.

Source: OPERATIONS.md 10 and 16.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final, Literal, NamedTuple

from scripts.audit.locked import EVERYTHING

Outcome = Literal["pass", "fail", "skip"]
_LIMIT: Final = 90


class Verdict(NamedTuple):
    """What the source said, in a sentence or several."""

    outcome: Outcome
    said: str


def ask(lock: Path = EVERYTHING) -> Verdict:
    """Asks about every pin of the lock."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"]
    command += ["--progress-spinner", "off", "--format", "json", "--timeout", "15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return Verdict("skip", f"the advisory source did not answer within {_LIMIT} s")
    return judge(done.stdout, done.stderr)


def judge(answer: str, errors: str) -> Verdict:
    """What pip-audit's JSON means; what is no JSON is its failure to reach the source."""
    try:
        asked = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = errors.strip().splitlines()[-1:] or ["no answer"]
        return Verdict("skip", f"the advisory source cannot be reached: {last[0][:200]}")
    findings = [
        f"{one['name']} {one['version']}: {vulnerability['id']}, mended in {vulnerability['fix_versions'] or 'nothing'}"
        for one in asked
        for vulnerability in one.get("vulns", ())
    ]
    unknown = [one["name"] for one in asked if "skip_reason" in one]
    if findings:
        return Verdict("fail", "\n".join(findings))
    if len(unknown) == len(asked):
        return Verdict("skip", "the advisory source knows none of the packages, so it is not the real one")
    if unknown:
        return Verdict("fail", f"the advisory source does not know: {', '.join(unknown)}")
    return Verdict("pass", f"no advisory for any of {len(asked)} packages")
