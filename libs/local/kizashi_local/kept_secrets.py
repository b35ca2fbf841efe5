"""Passwords and keys of one data directory: made once, kept in files that only their owner can read.

Source: OPERATIONS.md 1.4.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path


def kept_secret(folder: Path, name: str, size_bytes: int = 24) -> str:
    """The secret of that name, made at the first call. Shape: URL-safe unpadded base64 of `size_bytes` random bytes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    if path.exists():
        return path.read_text(encoding="ascii")
    return keep_secret(folder, name, base64.urlsafe_b64encode(os.urandom(size_bytes)).decode("ascii").rstrip("="))


def keep_secret(folder: Path, name: str, secret: str) -> str:
    """Writes a secret down, whole or not at all, readable by its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = folder / f"{name}.tmp"
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(secret, encoding="ascii")
    unfinished.rename(folder / name)
    return secret
