"""Decisions are numbered without a hole, have their five parts, and stand in the index."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "decisions"
PAGES: Final = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
PARTS: Final = ("Situation", "Decision", "Cost", "What we did not do", "How we would notice that it was wrong")


def test_the_numbers_have_no_hole() -> None:
    assert [path.name[:5] for path in PAGES] == [f"{number:04d}-" for number in range(1, len(PAGES) + 1)]
    assert len(PAGES) >= 26


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_has_its_five_parts_and_is_short(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.name[:4]}. ")
    assert tuple(re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE)) == PARTS
    assert len(text.splitlines()) <= 40


def test_the_index_names_every_decision_once() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    for page in PAGES:
        title = page.read_text(encoding="utf-8").splitlines()[0].split(". ", 1)[1]
        assert f"| [{page.name[:4]}]({page.name}) | {title} |" in index
    assert len(re.findall(r"^\| \[", index, re.MULTILINE)) == len(PAGES)
