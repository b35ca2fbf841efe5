"""Ports: the wanted ones where they are free, others where not, the same again next time."""

from __future__ import annotations

import socket
from dataclasses import astuple
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kizashi_local.addresses import LOOPBACK, OFFSETS, PORT_BASE, choose, claim, is_free, recalled
from tests.ports import free_base

WANTED = {name: PORT_BASE + offset for name, offset in OFFSETS.items()}


def test_free_ports_are_the_wanted_ones() -> None:
    addresses = choose(WANTED, {}, lambda _: True)
    assert (addresses.gateway, addresses.ingest, addresses.ops, addresses.postgres) == (7300, 7301, 7309, 7312)
    assert addresses.ingest_url == "http://127.0.0.1:7301"


def test_what_was_used_last_time_comes_first() -> None:
    assert choose(WANTED, {"gateway": 9999}, lambda _: True).gateway == 9999


@given(st.sets(st.sampled_from(sorted(WANTED.values()))), st.dictionaries(st.sampled_from(list(WANTED)), st.just(7300)))
def test_no_two_doors_share_a_port_and_no_taken_port_is_used(taken: set[int], remembered: dict[str, int]) -> None:
    ports = astuple(choose(WANTED, remembered, lambda port: port not in taken))
    assert len(set(ports)) == len(ports)
    assert not set(ports) & taken


def test_a_taken_port_is_replaced_and_the_replacement_remembered(tmp_path: Path) -> None:
    base = free_base()
    with socket.socket() as squatter:
        squatter.bind((LOOPBACK, base))
        squatter.listen()
        assert not is_free(base)
        first = claim(tmp_path, base)
    assert first.gateway != base
    assert claim(tmp_path, None) == first
    assert recalled(tmp_path) == first


def test_no_replacement_is_a_port_that_outgoing_connections_get() -> None:
    lent = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(lent.read_text().split()[0]) if lent.exists() else 49_152
    replaced = choose(WANTED, {}, lambda port: port not in WANTED.values())
    assert max(astuple(replaced)) < lowest


def test_another_base_forgets_the_old_ports(tmp_path: Path) -> None:
    first = claim(tmp_path, 21_300)
    assert claim(tmp_path, 22_300).gateway != first.gateway


def test_a_directory_that_never_started_recalls_nothing(tmp_path: Path) -> None:
    assert recalled(tmp_path) is None
    (tmp_path / "ports.json").write_text("not json")
    assert recalled(tmp_path) is None
