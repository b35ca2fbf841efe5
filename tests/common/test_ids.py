"""Ids are functions: of names, or of an instant and chance; nothing else moves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.contracts.ids import account_uuid, parsed, shown, user_uuid, uuid7
from kizashi_common.errors import Invalid

WORKSPACES = st.from_regex(r"[a-z0-9_-]{1,40}", fullmatch=True)
NAMES = st.text(min_size=1, max_size=60)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 6_000_000_000_000_000).map(lambda passed: EPOCH + timedelta(microseconds=passed))
CHANCE = st.binary(min_size=10, max_size=16)
UUIDS = st.uuids()
PREFIXES = st.sampled_from(["acc", "alr", "whe", "ses"])


@given(WORKSPACES, NAMES)
def test_an_account_has_the_id_that_health_5_defines(workspace: str, external_id: str) -> None:
    namespace = uuid5(NAMESPACE_URL, f"urn:kizashi:{workspace}")
    assert account_uuid(workspace, external_id) == uuid5(namespace, f"account:{external_id}")
    assert user_uuid(workspace, external_id) == uuid5(namespace, f"user:{external_id}")


def test_an_id_once_given_is_the_same_for_ever() -> None:
    assert account_uuid("ws_demo", "acme-42") == UUID("d7d44080-8e18-53bc-9cb1-376e4c3fef31")


@given(WORKSPACES, WORKSPACES, NAMES, NAMES)
def test_two_names_never_share_an_id(one: str, other: str, a: str, b: str) -> None:
    assert (account_uuid(one, a) == account_uuid(other, b)) == ((one, a) == (other, b))
    assert account_uuid(one, a) != user_uuid(one, a)


@given(PREFIXES, UUIDS)
def test_a_shown_id_reads_back(prefix: str, value: UUID) -> None:
    assert parsed(prefix, shown(prefix, value)) == value


@given(PREFIXES, UUIDS)
def test_an_id_of_another_kind_is_refused(prefix: str, value: UUID) -> None:
    with pytest.raises(Invalid):
        parsed("tsk", shown(prefix, value))


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_an_id(text: str) -> None:
    with pytest.raises(Invalid, match="acc_"):
        parsed("acc", text)


@given(PREFIXES, UUIDS)
def test_an_object_has_one_name(prefix: str, value: UUID) -> None:
    for spelled in (shown(prefix, value).upper(), f"{prefix}_{value}", f"{shown(prefix, value)} ", f" {value.hex}"):
        with pytest.raises(Invalid):
            parsed(prefix, spelled)


@given(INSTANTS, CHANCE)
def test_a_fresh_id_is_a_uuid_of_version_7_that_tells_its_instant(at: datetime, chance: bytes) -> None:
    fresh = uuid7(at, chance)
    assert fresh.version == 7
    assert fresh.variant == "specified in RFC 4122"
    assert datetime.fromtimestamp((fresh.int >> 80) / 1000, UTC) - at < timedelta(milliseconds=1)


@given(INSTANTS, CHANCE, CHANCE, st.integers(1, 10**9))
def test_fresh_ids_sort_by_time(at: datetime, chance: bytes, other: bytes, milliseconds: int) -> None:
    later = at + timedelta(milliseconds=milliseconds)
    assert uuid7(at, chance) < uuid7(later, other)


@given(INSTANTS, CHANCE, CHANCE)
def test_chance_of_74_bits_tells_ids_of_one_instant_apart(at: datetime, chance: bytes, other: bytes) -> None:
    free = ~((0xF << 76) | (0x3 << 62)) & ((1 << 80) - 1)
    differ = (int.from_bytes(chance[:10], "big") ^ int.from_bytes(other[:10], "big")) & free
    assert (uuid7(at, chance) == uuid7(at, other)) == (differ == 0)
