"""Input counts as whole only when log and heartbeat both say so, and what was proved stays proved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.stream.completeness import Completeness

START = datetime(2026, 11, 24, 9, tzinfo=UTC)
INSTANTS = st.integers(0, 10_000).map(lambda seconds: START + timedelta(seconds=seconds))
SIGNS = st.lists(
    st.one_of(
        st.tuples(st.just("reached"), INSTANTS),
        st.tuples(st.just("applied"), INSTANTS),
        st.tuples(st.just("heard"), st.none() | INSTANTS),
    ),
    max_size=20,
)


def live(signs: list[tuple[str, datetime | None]], through: datetime | None = None) -> list[datetime | None]:
    """What is proved after each sign."""
    proof, proved = Completeness(through), []
    for kind, at in signs:
        if kind == "reached" and at is not None:
            proof.log_reached(at)
        elif kind == "applied" and at is not None:
            proof.log_applied(at)
        else:
            proof.heard(at)
        proved.append(proof.through)
    return proved


@given(SIGNS, st.none() | INSTANTS)
def test_what_is_proved_never_goes_back(signs: list[tuple[str, datetime | None]], through: datetime | None) -> None:
    known = [at for at in [through, *live(signs, through)] if at is not None]
    assert known == sorted(known)


@given(SIGNS)
def test_nothing_is_proved_beyond_either_witness(signs: list[tuple[str, datetime | None]]) -> None:
    for position, proved in enumerate(live(signs)):
        if proved is not None:
            until = signs[: position + 1]
            assert any(kind != "heard" and at is not None and at >= proved for kind, at in until)
            assert any(kind == "heard" and at is not None and at >= proved for kind, at in until)


@given(INSTANTS)
def test_a_log_without_heartbeats_proves_nothing(at: datetime) -> None:
    proof = Completeness(None)
    proof.log_reached(at)
    assert proof.heard(None) is None


@given(INSTANTS)
def test_a_heartbeat_before_the_log_was_read_proves_nothing(at: datetime) -> None:
    assert Completeness(None).heard(at) is None


def test_the_earlier_of_both_counts() -> None:
    proof = Completeness(None)
    proof.log_reached(START + timedelta(seconds=30))
    assert proof.heard(START + timedelta(seconds=20)) == START + timedelta(seconds=20)
    assert proof.heard(START + timedelta(seconds=40)) == START + timedelta(seconds=30)


def test_a_new_owner_goes_on_from_what_was_committed() -> None:
    assert Completeness(START).heard(None) == START
