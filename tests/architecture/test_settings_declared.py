"""Every setting explains itself, is bounded, and keeps its secret (ARCHITECTURE.md 8, "Settings")."""

from __future__ import annotations

import importlib
import re
from typing import Final, NamedTuple

import annotated_types
import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from scripts.sizes import ROOT

from kizashi_cli.canary.settings import CanarySettings
from kizashi_common.runtime.migrate_settings import MigrateSettings
from kizashi_common.runtime.settings import ProcessSettings, Settings, setting_name
from kizashi_local.demo.settings import DemoSettings

_SECRET: Final = re.compile(r"token|password|secret|master_key|database_url")
_BOUNDS: Final = (annotated_types.Ge, annotated_types.Gt, annotated_types.Le, annotated_types.Lt)


class Declared(NamedTuple):
    """A setting of a class."""

    owner: type[Settings]
    name: str
    field: FieldInfo


def classes() -> list[type[Settings]]:
    """The settings of the process, of every command, and those of every service that has some."""
    found: list[type[Settings]] = [ProcessSettings, MigrateSettings, DemoSettings, CanarySettings]
    for path in sorted(ROOT.glob("services/*/kizashi_*/settings.py")):
        module = importlib.import_module(f"{path.parent.name}.settings")
        own = [
            value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__
        ]
        found.extend(cls for cls in own if issubclass(cls, Settings))
    return found


ALL: Final = [Declared(cls, name, field) for cls in classes() for name, field in cls.model_fields.items()]


@pytest.mark.parametrize("declared", ALL, ids=lambda declared: f"{declared.owner.__name__}.{declared.name}")
def test_a_setting_is_declared_as_the_house_says(declared: Declared) -> None:
    assert declared.field.description, "an operator reads this sentence, not the code"
    if declared.field.annotation in (int, float):
        bounds = [bound for bound in declared.field.metadata if isinstance(bound, _BOUNDS)]
        lower = [bound for bound in bounds if isinstance(bound, annotated_types.Ge | annotated_types.Gt)]
        assert lower, "a number has bounds"
        assert len(bounds) > len(lower), "a number has bounds"
    if _SECRET.search(declared.name):
        assert declared.field.annotation is SecretStr, "a secret never prints"


def test_a_setting_of_one_name_means_the_same_in_every_service() -> None:
    meanings: dict[str, set[str]] = {}
    for declared in ALL:
        meanings.setdefault(setting_name(declared.name), set()).add(str(declared.field.annotation))
    assert [name for name, kinds in meanings.items() if len(kinds) > 1] == []
