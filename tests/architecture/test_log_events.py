"""Every log call names an event and fields of the list, written out; and every event of the list is said."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from scripts import logs_page
from scripts.sizes import ROOT, sources

from kizashi_common.telemetry.log_events import EVENTS, FIELDS, page

LEVELS: Final = frozenset(("debug", "info", "warning", "error", "critical", "log"))
MADE_BY_FILTERS: Final = frozenset(("undeclared_event",))
UNTRACED: Final = re.compile(r"^\s*(?:from|import)\s+opentelemetry\b", re.MULTILINE)


class Said(NamedTuple):
    """A log call. `event` is None where the code does not write it out."""

    where: str
    event: str | None
    fields: tuple[str | None, ...]


def said(source: str, name: str) -> list[Said]:
    """The log calls of a module: a method with a level's name of something that is called a log."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            if not _is_log(node.func.value):
                continue
            positional = node.args[1:] if node.func.attr == "log" else node.args
            event = positional[0].value if positional and isinstance(positional[0], ast.Constant) else None
            fields = tuple(keyword.arg for keyword in node.keywords)
            found.append(Said(f"{name}:{node.lineno}", event if isinstance(event, str) else None, fields))
    return found


def _is_log(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return _is_log(node.func)
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in {"log", "_log", "logger", "get_logger", "bind"}


def _all() -> list[Said]:
    return [call for path in sources() for call in said(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))]


ALL: Final = _all()


def test_there_are_log_calls() -> None:
    assert len(ALL) > 20


@pytest.mark.parametrize("call", ALL, ids=lambda call: call.where)
def test_a_call_names_what_is_on_the_list(call: Said) -> None:
    assert call.event in EVENTS, "an event is a name from log_events.py, written out"
    assert None not in call.fields, "fields are written out: no ** from elsewhere"
    unknown = set(call.fields) - FIELDS.keys()
    assert not unknown, f"{unknown}: a field is one from log_events.py, or its value is dropped"


def test_every_event_of_the_list_is_said_somewhere() -> None:
    assert EVENTS.keys() - {call.event for call in ALL} == MADE_BY_FILTERS


def test_the_rule_finds_what_is_not_on_the_list() -> None:
    planted = (
        'self._log.warning(f"user {x}")',
        'get_logger("a").info("made_up", email=e)',
        'log.bind(a=1).error("slot_waits", **x)',
    )
    first, second, third = said("\n".join(planted), "planted.py")
    assert first.event is None
    assert second == Said("planted.py:2", "made_up", ("email",))
    assert third.fields == (None,)


def test_no_code_of_ours_speaks_past_the_logger() -> None:
    """The standard library's loggers are for libraries: what they say is stripped of its values."""
    speaking = [
        str(path.relative_to(ROOT))
        for path in sources()
        if "logging.getLogger" in path.read_text() and path.name != "logging.py"
    ]
    assert speaking == []


def test_traces_are_made_in_one_place() -> None:
    """Whoever could set attributes elsewhere could name a customer there."""
    telemetry = ROOT / "libs/common/kizashi_common/telemetry"
    elsewhere = [
        str(path.relative_to(ROOT))
        for path in sources()
        if telemetry not in path.parents and UNTRACED.search(path.read_text())
    ]
    assert elsewhere == []
    assert UNTRACED.search("from opentelemetry.trace import Span")


def test_the_reference_page_is_made_from_the_list() -> None:
    assert logs_page.PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m scripts.logs_page"


def test_a_page_that_is_stale_is_found_and_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "logs.md"
    stale.write_text(page().replace("slot_waits", "slot_idles"), encoding="utf-8")
    monkeypatch.setattr(logs_page, "PAGE", stale)
    assert logs_page.main(["--check"]) == 1
    assert logs_page.main([]) == 0
    assert logs_page.main(["--check"]) == 0
