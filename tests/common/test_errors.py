"""Each failure is a demand on its caller, and explains itself without being asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kizashi_common import errors
from kizashi_common.errors import Busy, Conflict, Fault, Invalid, KizashiError, StaleVersion, Unavailable


def _kinds(parent: type[KizashiError] = KizashiError) -> list[type[KizashiError]]:
    return [parent, *(kind for child in parent.__subclasses__() for kind in _kinds(child))]


ORDINARY = [kind for kind in _kinds() if kind.__module__ == KizashiError.__module__ and kind is not StaleVersion]


@pytest.mark.parametrize("kind", ORDINARY, ids=lambda kind: kind.__name__)
def test_the_docstring_is_the_default_message(kind: type[KizashiError]) -> None:
    assert str(kind()) == kind().detail == (kind.__doc__ or "").splitlines()[0]


@pytest.mark.parametrize("kind", ORDINARY, ids=lambda kind: kind.__name__)
def test_a_caller_may_be_told_more(kind: type[KizashiError]) -> None:
    assert str(kind("The batch has 6,000 events; 5,000 are allowed.")).startswith("The batch has")


def test_every_kind_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in [*ORDINARY, StaleVersion]]
    assert len(codes) == len(set(codes))


def test_a_place_may_name_its_reason_more_exactly() -> None:
    assert Invalid("too many", code="batch_too_large").reason == "batch_too_large"
    assert Invalid("too many").reason == "invalid"


def test_all_faults_are_kept() -> None:
    faults = (Fault("/a", "missing", "a is missing"), Fault("/b/0", "type", "b/0 is no text"))
    assert Invalid(faults=faults).faults == faults


def test_a_stale_version_is_a_conflict_that_shows_what_is_there_now() -> None:
    stale = StaleVersion("The alert changed.", current={"version": 3})
    assert isinstance(stale, Conflict)
    assert stale.current == {"version": 3}


def test_busy_always_says_when_to_come_back_and_unavailable_when_it_was_told() -> None:
    assert Busy().retry_after == timedelta(seconds=5)
    assert Unavailable(retry_after=timedelta(minutes=2)).retry_after == timedelta(minutes=2)
    assert Unavailable().retry_after is None


def test_every_kind_is_a_public_name_of_the_module() -> None:
    assert {kind.__name__ for kind in _kinds() if kind.__module__ == errors.__name__} <= set(vars(errors))
