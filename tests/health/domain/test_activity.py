"""What an account did is the same in any order; caps keep what came first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kizashi_health.domain.activity import (
    FEATURES_PER_DAY,
    OTHER,
    SOURCES_PER_DAY,
    USERS_PER_ACCOUNT,
    Activity,
    DaySet,
    Occurrence,
)
from kizashi_health.domain.calendar import Day
from tests.health.domain.making import day

SOME_DAYS = st.lists(st.integers(729_000, 731_000).map(Day), max_size=60)

OCCURRENCES = st.lists(
    st.builds(
        Occurrence,
        day=st.integers(0, 40).map(day),
        action=st.sampled_from(["login", "feature_used", "page", "identify", "other"]),
        human=st.booleans(),
        source=st.sampled_from(["web", "server"]),
        user_id=st.sampled_from([None, "ann", "ben", "cho"]),
        feature=st.sampled_from([None, "export", "report"]),
        quantity=st.integers(1, 5),
    ),
    max_size=40,
)


@given(SOME_DAYS, st.randoms())
def test_a_set_of_days_is_the_same_in_any_order_and_under_repetition(some, random) -> None:
    shuffled = some + some[:5]
    random.shuffle(shuffled)
    one, other = DaySet(some), DaySet(shuffled)
    assert one == other
    assert one.to_bytes() == other.to_bytes()
    assert one.days() == sorted(set(some))


@given(SOME_DAYS, st.integers(728_990, 731_010).map(Day), st.integers(0, 120))
def test_a_set_of_days_answers_like_a_set(some, as_of, width) -> None:
    kept, truth = DaySet(some), sorted(set(some))
    before = [each for each in truth if each < as_of]
    assert len(kept) == len(truth)
    assert bool(kept) == bool(truth)
    assert kept.days(as_of) == before
    assert kept.last_before(as_of) == (before[-1] if before else None)
    assert kept.first_before(as_of) == (before[0] if before else None)
    assert kept.first == (truth[0] if truth else None)
    assert kept.last == (truth[-1] if truth else None)
    assert kept.count(Day(as_of - width), as_of) == sum(each >= as_of - width for each in before)
    assert (as_of in kept) == (as_of in truth)


@given(SOME_DAYS)
def test_a_set_of_days_survives_its_bytes(some) -> None:
    kept = DaySet(some)
    assert DaySet.from_bytes(kept.first, kept.to_bytes()) == kept


def test_bytes_with_empty_days_in_front_give_the_same_set() -> None:
    assert DaySet.from_bytes(day(0), bytes([0b1000, 0b1])) == DaySet([day(3), day(8)])
    assert DaySet.from_bytes(None, None) == DaySet()


@given(SOME_DAYS, SOME_DAYS)
def test_a_union_has_the_days_of_both_and_changes_neither(some, more) -> None:
    one, other = DaySet(some), DaySet(more)
    assert one.union(other) == DaySet(some + more)
    assert one == DaySet(some)
    assert other == DaySet(more)


def test_adding_tells_whether_the_day_is_new() -> None:
    kept = DaySet()
    assert [kept.add(day(number)) for number in (5, 5, 2, 9, 2)] == [True, False, True, True, False]


def _counted(occurrences) -> Activity:
    activity = Activity()
    for each in occurrences:
        activity.count(each)
    return activity


def _named_users(activity: Activity, row_users: int) -> set[str]:
    return {user.user_id for user in activity.users.values() if row_users >> user.ord & 1}


def _told(activity: Activity) -> object:
    """An activity as people would tell it: users by name instead of by number."""
    rows = {
        number: (
            row.events,
            row.human,
            row.logins,
            row.anonymous,
            _named_users(activity, row.users),
            row.feats,
            row.sources,
        )
        for number, row in activity.rows.items()
    }
    users = {user.user_id: (user.first_day, user.last_day) for user in activity.users.values()}
    features = {name: (span.first_day, span.last_day) for name, span in activity.features.items()}
    return activity.days.days(), rows, users, features, activity.last_login_day


@given(OCCURRENCES, st.randoms())
def test_counting_gives_one_state_in_any_order(occurrences, random) -> None:
    shuffled = list(occurrences)
    random.shuffle(shuffled)
    assert _told(_counted(occurrences)) == _told(_counted(shuffled))


@given(OCCURRENCES)
def test_only_people_make_a_day_active(occurrences) -> None:
    activity = _counted(occurrences)
    assert activity.days.days() == sorted({each.day for each in occurrences if each.human})
    assert sum(row.events for row in activity.rows.values()) == len(occurrences)
    assert sum(row.human for row in activity.rows.values()) == sum(each.human for each in occurrences)


@given(OCCURRENCES)
def test_users_are_numbered_densely_in_order_of_first_appearance(occurrences) -> None:
    activity = _counted(occurrences)
    named = list(dict.fromkeys(each.user_id for each in occurrences if each.human and each.user_id))
    assert [(user.ord, user.user_id) for user in activity.users.values()] == list(enumerate(named))
    assert activity.next_user == len(named)


def test_a_late_event_updates_its_own_day_and_nothing_else() -> None:
    activity = _counted([Occurrence(day(30), "login", True, "web", "ann")])
    activity.take_dirty()
    assert activity.count(Occurrence(day(3), "login", True, "web", "ann"))
    dirty = activity.take_dirty()
    assert dirty.days == {day(3)}
    assert list(dirty.users) == [0]
    assert activity.last_login_day == day(30)


def test_what_is_written_is_no_longer_dirty() -> None:
    activity = _counted([Occurrence(day(1), "page", True, "web", "ann", "export")])
    dirty = activity.take_dirty()
    assert dirty
    assert (dirty.account, dirty.days, set(dirty.users), dirty.features) == (True, {day(1)}, {0}, {"export"})
    assert not activity.take_dirty()
    assert not activity.count(Occurrence(day(1), "page", True, "web", "ann", "export"))
    again = activity.take_dirty()
    assert (again.account, again.days, again.users, again.features) == (False, {day(1)}, {}, set())


def test_a_day_keeps_the_features_and_sources_that_came_first() -> None:
    activity = Activity()
    for number in range(FEATURES_PER_DAY + 10):
        source = f"source-{number % (SOURCES_PER_DAY + 4)}"
        activity.count(Occurrence(day(0), "feature_used", True, source, "ann", f"feature-{number}", 3))
    activity.count(Occurrence(day(0), "feature_used", True, "source-0", "ann", "feature-0"))
    row = activity.rows[day(0)]
    assert len(row.feats) == FEATURES_PER_DAY + 1
    assert row.feats[OTHER] == [10, 30]
    assert row.feats["feature-0"] == [2, 4]
    assert len(row.sources) == SOURCES_PER_DAY + 1
    assert sum(counts[0] for counts in row.sources.values()) == row.events


def test_beyond_the_cap_users_are_a_lower_bound_and_say_so() -> None:
    activity = Activity()
    activity.next_user = USERS_PER_ACCOUNT - 1
    activity.count(Occurrence(day(0), "login", True, "web", "last"))
    activity.count(Occurrence(day(0), "login", True, "web", "too many"))
    assert activity.is_saturated
    assert list(activity.users) == ["last"]
    assert activity.rows[day(0)].human == 2


def test_rows_can_be_dropped_from_memory_and_the_days_stay() -> None:
    activity = _counted([Occurrence(day(number), "page", True, "web") for number in range(10)])
    activity.forget_rows(day(7))
    assert sorted(activity.rows) == [day(7), day(8), day(9)]
    assert len(activity.days) == 10
