"""Functions and files stay small enough to be read whole (ARCHITECTURE.md 8)."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts import sizes


def test_no_function_and_no_file_is_above_its_bound() -> None:
    assert sizes.too_large(sizes.measure(sizes.sources())) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("def long():\n" + "    x = 1\n" * 60, "61 lines in a function"),
        ("x = 1\n" * 401, "401 lines in a file"),
        ("def wide(a, b, c, d, *, e, f, g):\n    return a\n", "7 parameters"),
    ],
)
def test_what_is_too_large_is_named(tmp_path: Path, text: str, fault: str) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(text)
    assert [fault in found for found in sizes.too_large(sizes.measure([planted], tmp_path))] == [True]


def test_what_is_within_its_bound_passes(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("class Thing:\n    def method(self, a, b, c, d, e, f):\n" + "        a += 1\n" * 59)
    assert sizes.too_large(sizes.measure([planted], tmp_path)) == []


def test_a_function_that_holds_others_counts_without_them(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    inner = "    @route(\n        '/x',\n    )\n    def inner():\n" + "        x = 1\n" * 40
    planted.write_text("def router():\n" + inner * 2 + "    return 1\n")
    measured = sizes.measure([planted], tmp_path)
    assert sorted(found.size for found in measured.functions) == [2, 41, 41]


def test_the_percentile_is_the_nearest_rank() -> None:
    measured = [sizes.Sized(str(size), size) for size in range(1, 11)]
    assert (sizes.percentile(measured, 0.5), sizes.percentile(measured, 0.9)) == (5, 9)
    assert sizes.percentile([], 0.9) == 0
