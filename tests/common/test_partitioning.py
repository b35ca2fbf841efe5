"""A key's partition is the Java client's, for ever; a key tells one account from every other."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2 as their_murmur2
from hypothesis import given
from hypothesis import strategies as st

from kizashi_common.contracts.partitioning import account_key, identity_key, murmur2, partition_of

WORKSPACES = st.from_regex(r"[a-z0-9_-]{1,40}", fullmatch=True)
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("key", "masked", "of_24", "of_8"),
    [
        ("ws_demo|a:acct_42", 1135079449, 1, 1),
        ("ws_demo|u:u_1", 1922358763, 19, 3),
        ("ws_demo|n:anon_9", 350233906, 10, 2),
        ("ws_demo|a:東京商事", 224016000, 0, 0),
        ("ws_demo|a:x|y", 1448975744, 8, 0),
    ],
)
def test_the_vectors_of_ingest_9_hold(key: str, masked: int, of_24: int, of_8: int) -> None:
    data = key.encode()
    assert murmur2(data) & 0x7FFFFFFF == masked
    assert (partition_of(data, 24), partition_of(data, 8)) == (of_24, of_8)


@pytest.mark.parametrize(
    ("text", "signed"),
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536), ("abc", 479470107)],
)
def test_the_values_that_the_java_client_publishes_hold(text: str, signed: int) -> None:
    assert murmur2(text.encode()) == signed & 0xFFFFFFFF


@given(st.binary(max_size=200))
def test_another_implementation_agrees(data: bytes) -> None:
    assert murmur2(data) & 0x7FFFFFFF == their_murmur2(data) & 0x7FFFFFFF


@given(st.binary(max_size=60), st.integers(1, 1000))
def test_every_key_has_a_partition(key: bytes, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions


@given(WORKSPACES, WORKSPACES, IDS, IDS)
def test_two_accounts_never_share_a_key(one: str, other: str, a: str, b: str) -> None:
    assert (account_key(one, a) == account_key(other, b)) == ((one, a) == (other, b))


@given(WORKSPACES, IDS)
def test_an_account_a_user_and_an_anonymous_id_of_one_name_have_three_keys(workspace: str, name: str) -> None:
    keys = {account_key(workspace, name), identity_key(workspace, name, None), identity_key(workspace, None, name)}
    assert len(keys) == 3


@given(WORKSPACES, IDS, IDS)
def test_an_event_with_a_user_is_keyed_by_the_user(workspace: str, user: str, anonymous: str) -> None:
    assert identity_key(workspace, user, anonymous) == identity_key(workspace, user, None)
