"""The fact that was true last holds, whatever came first; a value that cannot be one is refused."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.errors import Invalid
from kizashi_health.domain import facts as registry
from kizashi_health.domain.fact import Facts, Money, Stated, written
from kizashi_health.domain.facts import FACTS, understood
from kizashi_health.domain.facts.revenue import ARR
from kizashi_health.domain.facts.seats import SEATS
from tests.health.domain.making import instant

STATEMENTS = st.lists(
    st.builds(
        Stated,
        st.integers(0, 20).map(instant),
        st.sampled_from(["e1", "e2", "e3"]),
        st.one_of(st.none(), st.integers(0, 9).map(float)),
    ),
    max_size=12,
    unique_by=lambda stated: stated.rank,
)


def _facts(statements) -> Facts:
    facts = Facts()
    for stated in statements:
        facts.state("seats", stated)
    return facts


@given(STATEMENTS, st.randoms())
def test_facts_are_the_same_in_any_order_and_under_repetition(statements, random) -> None:
    shuffled = statements + statements[:3]
    random.shuffle(shuffled)
    assert _facts(statements) == _facts(shuffled)


@given(STATEMENTS, st.integers(0, 21).map(instant))
def test_the_largest_by_time_and_id_before_the_instant_holds(statements, before) -> None:
    known = [stated for stated in statements if stated.at < before]
    expected = max(known, key=lambda stated: stated.rank).value if known else None
    assert _facts(statements).value(SEATS, before) == expected


def test_null_clears_and_earlier_values_stay() -> None:
    facts = _facts([Stated(instant(1), "a", 5.0), Stated(instant(3), "b", None)])
    assert facts.value(SEATS) is None
    assert facts.value(SEATS, instant(2)) == 5.0
    assert [stated.value for stated in facts.history("seats")] == [5.0, None]


def test_a_fact_holds_only_after_the_instant_from_which_it_is_true() -> None:
    facts = _facts([Stated(instant(1), "a", 5.0)])
    assert facts.value(SEATS, instant(1)) is None
    assert facts.value(SEATS, instant(1) + timedelta(microseconds=1)) == 5.0


def test_a_statement_repeated_with_another_value_changes_nothing() -> None:
    facts = _facts([Stated(instant(1), "a", 5.0)])
    assert not facts.state("seats", Stated(instant(1), "a", 6.0))
    assert facts.value(SEATS) == 5.0


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("seats", 50, 50.0),
        ("seats", "50", 50.0),
        ("seats", 0, 0.0),
        ("arr", {"amount": "1200.00", "currency": "eur"}, Money(Decimal("1200.00"), "EUR")),
        ("mrr", 99.5, Money(Decimal("99.5"), None)),
        ("renewal_date", "2027-03-31", date(2027, 3, 31)),
        ("customer_since", "2024-02-29T23:00:00+09:00", date(2024, 2, 29)),
        ("owner", " aiko@example.com ", "aiko@example.com"),
        ("name", "Acme KK", "Acme KK"),
        ("status", "Paused", "paused"),
        ("plan", "pro", "pro"),
        ("seats", None, None),
    ],
)
def test_a_raw_value_becomes_a_typed_one(name, raw, expected) -> None:
    assert understood(name, raw) == (name, expected)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("seats", True),
        ("seats", "many"),
        ("seats", -1),
        ("seats", float("nan")),
        ("seats", "Infinity"),
        ("seats", 2**53 + 1),
        ("seats", [1]),
        ("arr", {"amount": None}),
        ("arr", {"amount": "12", "currency": "euro"}),
        ("arr", "a lot"),
        ("renewal_date", "31.03.2027"),
        ("renewal_date", "2027-02-30"),
        ("renewal_date", 1_800_000_000),
        ("name", ""),
        ("name", "a\x00b"),
        ("owner", "x" * 1025),
        ("status", 3),
    ],
)
def test_a_value_that_cannot_be_one_is_refused_with_its_reason(name, raw) -> None:
    with pytest.raises(Invalid) as refused:
        understood(name, raw)
    assert refused.value.faults


def test_a_fact_nobody_knows_is_kept_raw_under_its_own_prefix() -> None:
    assert understood("shoe_size", [1, 2]) == ("x.shoe_size", [1, 2])
    assert understood("x.shoe_size", "44") == ("x.shoe_size", "44")


@pytest.mark.parametrize(
    ("name", "raw"),
    [("seats", 5), ("arr", {"amount": "1.50", "currency": "EUR"}), ("mrr", "7"), ("renewal_date", "2027-03-31")],
)
def test_what_is_written_is_read_back_as_the_same_value(name, raw) -> None:
    _, value = understood(name, raw)
    assert understood(name, written(value)) == (name, value)


def test_every_file_of_fact_types_is_registered() -> None:
    files = {path.stem for path in Path(registry.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {"name", "owner", "plan", "renewal", "revenue", "seats", "standing"}
    names = [kind.name for kind in FACTS]
    assert len(names) == len(set(names))
    assert ARR in FACTS
