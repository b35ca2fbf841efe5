"""`requirements.lock` still answers to `pyproject.toml`: versions and hashes, no address, nothing forgotten."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = (ROOT / "requirements.lock").read_text(encoding="utf-8")
_HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}")


class Pin(NamedTuple):
    """One locked distribution."""

    name: str
    version: Version
    hashes: tuple[str, ...]
    marker: Marker | None


def pins(lock: str) -> list[Pin]:
    """What the lock says. Raises: AssertionError for a line that is neither a pin nor a comment."""
    whole = re.sub(r"\\\n", " ", lock)
    lines = [line.strip() for line in whole.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = []
    for line in lines:
        requirement, *options = re.split(r"\s+(?=--)", line)
        stated = Requirement(requirement)
        versions = [s.version for s in stated.specifier if s.operator == "=="]
        assert len(versions) == 1, f"not pinned: {requirement}"
        assert all(_HASH.fullmatch(option.strip()) for option in options), f"unknown option: {line[:80]}"
        found.append(Pin(canonicalize_name(stated.name), Version(versions[0]), tuple(options), stated.marker))
    return found


def wanted() -> list[Requirement]:
    """Every direct dependency: of the project, its extras and the groups of its developers, and what builds it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    texts = [
        *project["project"]["dependencies"],
        *(text for extra in project["project"]["optional-dependencies"].values() for text in extra),
        *(text for group in project["dependency-groups"].values() for text in group),
        *project["build-system"]["requires"],
    ]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_every_direct_dependency_is_locked_at_a_version_that_satisfies_it(requirement: Requirement) -> None:
    locked = {pin.name: pin.version for pin in pins(LOCK)}
    name = canonicalize_name(requirement.name)
    assert name in locked, "run the command in CONTRIBUTING.md that writes the lock"
    assert requirement.specifier.contains(locked[name], prereleases=True)


def test_every_pin_has_a_hash() -> None:
    assert [pin.name for pin in pins(LOCK) if not pin.hashes] == []


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_nothing_is_locked_twice_for_one_python(python: str) -> None:
    """A universal lock may hold two versions of a package, for different Pythons."""
    around = {"python_version": python, "python_full_version": f"{python}.0"}
    names = [pin.name for pin in pins(LOCK) if pin.marker is None or pin.marker.evaluate(around)]
    assert sorted(names) == sorted(set(names))


def test_the_lock_names_no_address_and_no_file() -> None:
    assert [line for line in LOCK.splitlines() if "://" in line or " @ " in line or "--index" in line] == []
    assert not re.search(r"^\s*(-e|-f|-r|-c|--find-links|/|\./)", LOCK, re.MULTILINE)
