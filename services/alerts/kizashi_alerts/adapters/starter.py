"""The rules and playbooks that are live from the first start: documents like any other, shipped beside the code.

Source: ALERTS.md 4 and 9.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from kizashi_alerts.domain import documents
from kizashi_alerts.domain.playbook import Playbook
from kizashi_alerts.domain.rulebook import Rulebook, compiled
from kizashi_alerts.engine.rehearsal import rehearse
from kizashi_common.contracts.signals import SIGNALS
from kizashi_common.errors import Fault, Invalid
from kizashi_common.expressions.catalogue import Catalogue
from kizashi_common.expressions.cel import Language

VERSION: Final = 1
"""The version that a shipped document is published as."""


def rulebook() -> Rulebook:
    """The shipped rules, compiled and rehearsed.

    Raises: Invalid with every fault of every rule, and every story of theirs that ends otherwise.
    """
    language = Language(Catalogue(SIGNALS))
    book = Rulebook(compiled(documents.rules(_text("rules/default.yaml")), VERSION, language, SIGNALS), language)
    failed = rehearse(book)
    if failed:
        raise Invalid("Rules fail their own tests.", faults=failed)
    return book


def playbooks(book: Rulebook) -> dict[str, Playbook]:
    """The shipped playbooks by key. Raises: Invalid when a rule names one that is missing."""
    found = {playbook.key: playbook for playbook in documents.playbooks(_text("playbooks/default.yaml"))}
    named = {rule.key: rule.rule.playbook for rule in book}
    missing = tuple(
        Fault(f"/{rule}/playbook", "unknown_playbook", f"there is no playbook {playbook!r}")
        for rule, playbook in named.items()
        if playbook is not None and playbook not in found
    )
    if missing:
        raise Invalid("Rules name playbooks that do not exist.", faults=missing)
    return found


def _text(name: str) -> str:
    return files("kizashi_alerts").joinpath("starter", *name.split("/")).read_text(encoding="utf-8")
