"""Decision 10 holds inside SQL too: no statement asks the database what time it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from scripts.sizes import ROOT, sources

_NAMES: Final = (
    "now",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "localtime",
    "sysdate",
)
CLOCK: Final = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(\s*\)"
    r"|\b(current_timestamp|current_date|current_time|localtimestamp|localtime)\b"
    r"|'(now|today|tomorrow|yesterday)'\s*::",
    re.IGNORECASE,
)

COMPARE_CLOCKS: Final = (
    ROOT / "libs/local/kizashi_local/live_checks.py",
    ROOT / "libs/common/kizashi_common/db/clock_offset.py",
)
"""They ask the database its time to tell how far two clocks are apart: there the clock is the subject."""


def _docstrings(tree: ast.AST) -> set[int]:
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


def clocks_in(text: str) -> Iterator[int]:
    """The lines of a module that let the database read its clock: in SQL text, or by SQLAlchemy's `func`."""
    tree = ast.parse(text)
    documentation = _docstrings(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(sql)) if id(node) not in documentation and CLOCK.search(sql):
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="func"), attr=name) if name.lower() in _NAMES:
                yield node.lineno


@pytest.mark.parametrize(
    "path", [path for path in sources() if path not in COMPARE_CLOCKS], ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_module_lets_the_database_read_its_clock(path: Path) -> None:
    assert list(clocks_in(path.read_text(encoding="utf-8"))) == []


def test_no_sql_file_lets_the_database_read_its_clock() -> None:
    files = [path for folder in ("libs", "services") for path in (ROOT / folder).rglob("*.sql")]
    assert [path.name for path in files if CLOCK.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "line",
    [
        "text('SELECT now()')",
        "text('INSERT INTO t VALUES (CURRENT_TIMESTAMP)')",
        "f'DELETE FROM {t} WHERE day < current_date'",
        "func.now()",
        "func.clock_timestamp()",
        "\"SELECT 'now'::timestamptz\"",
    ],
)
def test_a_planted_clock_is_found(line: str) -> None:
    assert list(clocks_in(f"from sqlalchemy import func, text\nx = {line}\n")) == [2]


def test_words_that_only_look_like_a_clock_pass() -> None:
    assert list(clocks_in('"""Nothing here asks now() or CURRENT_DATE."""\nx = "known as of now"\n')) == []
