"""Rules and playbooks out of text: every fault at once, each with its pointer.

Source: ALERTS.md 2; decision 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from kizashi_alerts.domain.playbook import Playbook
from kizashi_alerts.domain.rule import Rule
from kizashi_common.errors import Fault, Invalid

D = TypeVar("D", bound=BaseModel)


def rules(text: str) -> tuple[Rule, ...]:
    """The rules of a `rule_list`, or the single `rule`. Raises: Invalid."""
    return _read(text, "rule", Rule)


def playbooks(text: str) -> tuple[Playbook, ...]:
    """The playbooks of a `playbook_list`, or the single `playbook`. Raises: Invalid."""
    return _read(text, "playbook", Playbook)


def _read(text: str, kind: str, model: type[D]) -> tuple[D, ...]:
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Invalid("This is not YAML.", code="malformed_yaml") from error
    items = _items(loaded, kind)
    faults: list[Fault] = []
    found: list[D] = []
    for i, item in enumerate(items):
        try:
            found.append(model.model_validate(item))
        except ValidationError as error:
            faults.extend(_fault(i, detail) for detail in error.errors())
    keys = [getattr(one, "key", "") for one in found]
    faults.extend(Fault(f"/items/{keys.index(key)}", "double", f"{key} stands twice") for key in _doubles(keys))
    if faults:
        raise Invalid(f"These documents of kind {kind} are not acceptable.", faults=tuple(faults))
    return tuple(found)


def _items(loaded: Any, kind: str) -> list[Any]:
    if isinstance(loaded, Mapping) and loaded.get("kind") == kind:
        return [loaded]
    if isinstance(loaded, Mapping) and loaded.get("kind") == f"{kind}_list" and isinstance(loaded.get("items"), list):
        return list(loaded["items"])
    raise Invalid(f"This is neither of kind {kind} nor {kind}_list.", code="kind")


def _doubles(keys: list[str]) -> list[str]:
    return sorted({key for key in keys if keys.count(key) > 1})


def _fault(index: int, detail: Any) -> Fault:
    return Fault("/".join(("/items", str(index), *map(str, detail["loc"]))), str(detail["type"]), str(detail["msg"]))
