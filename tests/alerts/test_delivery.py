"""When a delivery is tried again, what is signed, what is sealed, and which addresses are reached.

Source: ALERTS.md 11.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizashi_alerts.adapters.channels.webhook.send import signature
from kizashi_alerts.adapters.outbound import MAX_RESPONSE_BYTES, Outbound, TimedOut
from kizashi_alerts.adapters.vault import Place, Sealed, Vault
from kizashi_alerts.domain.delivery import ATTEMPTS, SCHEDULE, Failure, after_attempt, wants
from kizashi_common.errors import Absent, Invalid, Unavailable
from tests.alerts.receiver import Says, receiving

FAILED = Failure(final=False)


def test_the_signature_is_the_published_vector() -> None:
    secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    body = b'{"type":"endpoint.ping","timestamp":"2027-01-01T00:00:00Z","data":{}}'
    at = datetime.fromtimestamp(1798761600, UTC)
    signed = signature([secret], "evt_0192f0c1d2e37abc8def0123456789ab", at, body)
    assert signed == "v1,EH6gXWMaN9hxn+sDybczlv/Jawkx9G5jnczPAmQJAmc="


def test_a_time_in_another_zone_signs_the_same_instant() -> None:
    from zoneinfo import ZoneInfo

    secret, at = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", datetime.fromtimestamp(1798761600, UTC)
    tokyo = at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert signature([secret], "evt_a", tokyo, b"{}") == signature([secret], "evt_a", at, b"{}")


def test_every_live_secret_signs_and_the_entries_are_joined_by_spaces() -> None:
    secrets = ["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "whsec_" + "QUJD" * 8]
    signed = signature(secrets, "evt_a", datetime(2027, 1, 1, tzinfo=UTC), b"{}").split(" ")
    assert len(signed) == 2
    assert all(one.startswith("v1,") for one in signed)


def test_the_schedule_is_ten_attempts_over_about_76_hours() -> None:
    assert len(SCHEDULE) == ATTEMPTS == 10
    assert sum(SCHEDULE, timedelta(0)) == timedelta(hours=75, minutes=35, seconds=5)


@pytest.mark.parametrize("number", range(1, ATTEMPTS))
def test_without_jitter_a_failure_waits_for_its_step(number: int) -> None:
    assert after_attempt(number, FAILED, 0.0) == ("waiting", SCHEDULE[number])


def test_the_last_failure_is_a_dead_letter_and_success_ends_it_at_any_time() -> None:
    assert after_attempt(ATTEMPTS, FAILED, 0.0).state == "exhausted"
    assert after_attempt(1, None, 0.0).state == after_attempt(ATTEMPTS, None, 0.0).state == "delivered"
    assert after_attempt(1, Failure(final=True), 0.0).state == "rejected"


@given(st.integers(1, ATTEMPTS - 1), st.floats(-1, 1), st.booleans(), st.integers(0, 400 * 86_400))
def test_a_receiver_may_slow_us_and_never_park_us(number: int, jitter: float, crowded: bool, wish: int) -> None:
    scheduled = SCHEDULE[number]
    plain = after_attempt(number, Failure(False, crowded), jitter).after
    asked = after_attempt(number, Failure(False, crowded, timedelta(seconds=wish)), jitter).after
    assert plain is not None
    assert asked is not None
    floor = timedelta(seconds=60) if crowded else timedelta(0)
    assert max(scheduled * 0.8, floor) <= plain <= max(scheduled * 1.2, floor)
    assert scheduled <= asked <= max(2 * scheduled, floor)


def test_after_a_timeout_or_429_a_minute_passes_at_least() -> None:
    assert after_attempt(1, Failure(False, crowded=True), -1.0).after == timedelta(seconds=60)


def test_an_endpoint_without_a_choice_wants_everything() -> None:
    assert wants((), "alert.opened")
    assert wants(("alert.opened",), "alert.opened")
    assert not wants(("alert.opened",), "alert.resolved")


PLACE = Place("demo", "secret", "sec_1", "ciphertext")


def test_a_secret_opens_at_its_own_place_and_nowhere_else() -> None:
    vault = Vault([bytes(32)], os.urandom)
    sealed = vault.seal("whsec_x", PLACE)
    assert vault.open(sealed, PLACE) == "whsec_x"
    assert b"whsec_x" not in sealed.ciphertext
    for changed in (PLACE._replace(workspace="other"), PLACE._replace(row="sec_2"), PLACE._replace(table="channel")):
        with pytest.raises(Absent):
            vault.open(sealed, changed)


def test_a_secret_that_was_tampered_with_does_not_open() -> None:
    vault = Vault([bytes(32)], os.urandom)
    sealed = vault.seal("whsec_x", PLACE)
    broken = bytes([sealed.ciphertext[-1] ^ 1])
    with pytest.raises(Absent):
        vault.open(sealed._replace(ciphertext=sealed.ciphertext[:-1] + broken), PLACE)


def test_after_a_rotation_the_old_key_still_opens_and_the_new_one_seals() -> None:
    old, new = bytes(32), bytes([1]) * 32
    sealed = Vault([old], os.urandom).seal("whsec_x", PLACE)
    both = Vault([new, old], os.urandom)
    assert both.open(sealed, PLACE) == "whsec_x"
    assert both.seal("whsec_x", PLACE).key_id != sealed.key_id
    with pytest.raises(Absent):
        Vault([new], os.urandom).open(Sealed(sealed.key_id, sealed.ciphertext), PLACE)


LOOPBACK = Outbound([ip_network("127.0.0.0/8")])


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://192.0.2.1/x",
        "http://0.0.0.0/x",
        "https://93.184.216.34/x",
    ],
)
async def test_an_address_outside_the_allow_list_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        await LOOPBACK.check(url)
    assert refused.value.reason == "blocked_address"


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://[fe80::1]/", "http://[::ffff:169.254.1.1]/"])
async def test_link_local_stays_blocked_even_when_everything_is_allowed(url: str) -> None:
    everything = Outbound([ip_network("0.0.0.0/0"), ip_network("::/0")])
    with pytest.raises(Invalid):
        await everything.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "http://user:pass@127.0.0.1/",
        "http://user@127.0.0.1/",
        "http:///x",
        "127.0.0.1",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1/#x",
        "http://[::1",
        "http://a..b/",
        f"http://{'a' * 70}.example/",
        "http://127.0.0.1/a path",
        "http://127.0.0.1/\tx",
        " http://127.0.0.1/",
        "http://127.0.0.1/\x00",
        "http://\udc80/",
    ],
)
async def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        await LOOPBACK.check(url)
    assert refused.value.reason == "malformed_url"


async def test_a_mapped_address_is_judged_as_what_it_is() -> None:
    assert (await LOOPBACK.check("http://[::ffff:127.0.0.1]:80/x")).port == 80


async def test_a_name_with_one_answer_outside_is_refused_as_a_whole() -> None:
    only_six = Outbound([ip_network("::1/128")])
    with pytest.raises(Invalid):
        await only_six.check("http://127.0.0.1/")
    found = await LOOPBACK.check("http://localhost:8080/x") if await _only_v4() else None
    assert found is None or str(found.address).startswith("127.")


async def _only_v4() -> bool:
    import asyncio
    import socket

    found = await asyncio.get_running_loop().getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
    return all(info[0] is socket.AF_INET for info in found)


async def test_nobody_is_reached_that_the_list_does_not_name() -> None:
    async with receiving() as receiver:
        with pytest.raises(Unavailable) as refused:
            await Outbound([]).post(receiver.url, {}, b"{}")
        assert refused.value.detail == "blocked address"
        assert receiver.got == []


async def test_a_redirect_is_not_followed_and_the_name_stays_in_the_host_header() -> None:
    async with receiving(Says(302, (("location", "http://169.254.169.254/"),))) as receiver:
        answer = await LOOPBACK.post(receiver.url, {"x-one": "1"}, b"{}")
        assert answer.status == 302
        assert receiver.got[0].headers["host"] == f"127.0.0.1:{receiver.port}"
        assert (receiver.got[0].path, receiver.got[0].headers["x-one"]) == ("/hook", "1")


async def test_no_more_than_16_kib_of_an_answer_are_read() -> None:
    async with receiving(Says(200, (), b"x" * 300_000)) as receiver:
        assert len((await LOOPBACK.post(receiver.url, {}, b"{}")).body) == MAX_RESPONSE_BYTES


async def test_an_answer_that_says_it_is_packed_is_not_unpacked() -> None:
    async with receiving(Says(200, (("content-encoding", "gzip"),), b"not gzip")) as receiver:
        assert (await LOOPBACK.post(receiver.url, {}, b"{}")).body == b"not gzip"


async def test_a_receiver_that_never_answers_is_a_timeout() -> None:
    async with receiving(Says(hang=True)) as receiver:
        impatient = Outbound([ip_network("127.0.0.0/8")], total=timedelta(seconds=0.2))
        with pytest.raises(TimedOut):
            await impatient.post(receiver.url, {}, b"{}")


async def test_nobody_listening_is_a_failure_and_not_a_crash() -> None:
    with pytest.raises(Unavailable):
        await LOOPBACK.post("http://127.0.0.1:9/x", {}, b"{}")


async def test_names_whose_server_is_silent_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    silence, asked, real = threading.Event(), list[str](), socket.getaddrinfo

    def resolver(host: str, *rest: Any, **named: Any) -> Any:
        asked.append(host)
        if host == "silent.example":
            silence.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return real(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    async with receiving() as receiver:
        outbound = Outbound([ip_network("127.0.0.0/8"), ip_network("::1/128")], total=timedelta(seconds=5))
        stuck = [asyncio.ensure_future(outbound.post("http://silent.example/", {}, b"{}")) for _ in range(100)]
        await asyncio.sleep(0)
        answer = await outbound.post(receiver.url.replace("127.0.0.1", "localhost"), {}, b"{}")
        assert answer.status == 200
        assert asked.count("silent.example") == 1
        silence.set()
        ends = await asyncio.gather(*stuck, return_exceptions=True)
    assert {str(end) for end in ends if isinstance(end, Unavailable)} == {"the name cannot be resolved"}
    assert len(ends) == sum(isinstance(end, Unavailable) for end in ends)
