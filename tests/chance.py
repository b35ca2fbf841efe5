"""Chance that can be had again: the seed is shown with the failure, and `KIZASHI_TEST_SEED` sets it."""

from __future__ import annotations

import os
import random
import sys


def seeded(what: str) -> random.Random:
    """A source of chance for one test, named in its output."""
    seed = int(os.environ.get("KIZASHI_TEST_SEED") or int.from_bytes(os.urandom(4), "big"))
    sys.stdout.write(f"\n{what}: KIZASHI_TEST_SEED={seed}\n")
    return random.Random(seed)
