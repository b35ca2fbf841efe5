"""The one client for addresses that people type: resolves once, checks every answer, connects to what was checked.

Until the address guard for the whole internet comes, only addresses inside the operator's allow list are reached;
link-local is never, since cloud metadata lives there. No redirect is followed, no proxy of the environment used, no
connection kept for another endpoint, and no more than 16 KiB read.

Source: ALERTS.md 11, "SSRF guard".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

import httpx2

from kizashi_alerts.adapters.names import Address, Names
from kizashi_alerts.metrics import BLOCKED
from kizashi_common.errors import Invalid, Unavailable

CONNECT: Final = timedelta(seconds=5)
TOTAL: Final = timedelta(seconds=20)
MAX_RESPONSE_BYTES: Final = 16_384
_PORTS: Final = {"http": 80, "https": 443}

Network = IPv4Network | IPv6Network


class Answer(NamedTuple):
    """What the receiver said, cut at 16 KiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Target(NamedTuple):
    """A checked place: the address to connect to, and the name it was asked by."""

    url: SplitResult
    address: Address
    port: int


class TimedOut(Unavailable):
    """The receiver did not answer in time."""


class Outbound:
    """Reaches addresses inside `allowed`; one attempt takes `total` at most."""

    def __init__(self, allowed: Sequence[Network], total: timedelta = TOTAL) -> None:
        self._allowed = tuple(allowed)
        self._total = total.total_seconds()
        # Made once: reading the authorities anew would hold up the loop for each attempt.
        self._tls = httpx2.create_ssl_context()
        self._names = Names()

    async def check(self, url: str) -> Target:
        """The place behind an address that a person typed.

        Raises: Invalid, code malformed_url, or blocked_address when any answer for its name is outside the allow
        list; Unavailable when the name cannot be resolved.
        """
        split = _split(url)
        port = split.port or _PORTS[split.scheme]
        addresses = await self._names.addresses(split.hostname or "")
        if not all(self._may_reach(address) for address in addresses):
            BLOCKED.inc()
            raise Invalid("This address may not be reached from here.", code="blocked_address")
        return Target(split, addresses[0], port)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One attempt.

        Raises: TimedOut; Unavailable when it cannot be reached, or may no longer be.
        """
        try:
            async with asyncio.timeout(self._total):
                return await self._post(await self.check(url), headers, body)
        except Invalid as error:
            raise Unavailable("blocked address") from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise TimedOut from error
        except httpx2.HTTPError as error:
            raise Unavailable(type(error).__name__) from error

    async def _post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        sent = {**headers, "host": target.url.netloc}
        extensions = {"sni_hostname": target.url.hostname} if target.url.scheme == "https" else {}
        timeout = httpx2.Timeout(self._total, connect=CONNECT.total_seconds())
        async with (
            httpx2.AsyncClient(verify=self._tls, timeout=timeout, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", _pinned(target), content=body, headers=sent, extensions=extensions) as response,
        ):
            return Answer(response.status_code, response.headers, await _cut(response))

    def _may_reach(self, address: Address) -> bool:
        plain = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
        return not plain.is_link_local and any(plain in network for network in self._allowed)


def _split(url: str) -> SplitResult:
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError as error:
        raise Invalid("The address must have a valid host and port.", code="malformed_url") from error
    faults = [
        wanted
        for wanted, is_so in (
            ("no blank and no control character", url.isprintable() and " " not in url),
            ("http or https", split.scheme in _PORTS),
            ("a host", bool(split.hostname)),
            ("a port other than 0", port != 0),
            ("no user and no password", split.username is None and split.password is None),
            ("no fragment", not split.fragment),
        )
        if not is_so
    ]
    if faults:
        raise Invalid(f"The address must have {', '.join(faults)}.", code="malformed_url")
    return split._replace(netloc=_ascii_place(split.hostname or "", port))


def _ascii_place(host: str, port: int | None) -> str:
    """Host and port as they travel in a header: names in the ASCII of IDNA."""
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise Invalid("The address must have a host that can be a name.", code="malformed_url") from error
    return (f"[{name}]" if ":" in name else name) + ("" if port is None else f":{port}")


def _pinned(target: Target) -> str:
    """The address with the host replaced by what was checked, so that a second look-up cannot change it."""
    host = f"[{target.address}]" if isinstance(target.address, IPv6Address) else str(target.address)
    return target.url._replace(netloc=f"{host}:{target.port}").geturl()


async def _cut(response: httpx2.Response) -> bytes:
    kept = b""
    async for piece in response.aiter_raw():
        kept += piece[: MAX_RESPONSE_BYTES - len(kept)]
        if len(kept) >= MAX_RESPONSE_BYTES:
            break
    return kept
