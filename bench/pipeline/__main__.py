"""`python -m bench.pipeline`: events a second from HTTP to counted, scores caught up after it, and latency.

Method and last result: README.md beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.pipeline import rival
from bench.pipeline.load import Plan
from bench.pipeline.product import Cost, Product

HERE = Path(__file__).parent
RESULT = HERE / "result.json"
GIVE_UP_S = 300.0
COUNTING_ALONE = {"KIZASHI_SCORING_SHARE": "0"}


@dataclass(frozen=True)
class Throughput:
    """One load as fast as it is answered. Units: events per second, seconds, CPU microseconds per event."""

    per_request: int
    events: int
    accepted_per_second: float
    counted_per_second: float
    caught_up_s: float | None
    cpu_us: dict[str, float]
    request_p50_s: float
    request_p99_s: float


@dataclass(frozen=True)
class Latency:
    """A steady load. Units: seconds; `visible` from accepted to a score in the account's card."""

    rate: int
    events: int
    samples: int
    unseen: int
    visible_p50_s: float
    visible_p99_s: float
    request_p50_s: float
    request_p99_s: float
    cpu_share: dict[str, float]


class Bench:
    """The measurements, against one running product."""

    def __init__(self, product: Product, name: str, *, is_scoring: bool = True) -> None:
        self._product = product
        self._name = name
        self._is_scoring = is_scoring
        self._loads = 0

    async def throughput(self, events: int, per_request: int, connections: int) -> Throughput:
        """Sends as fast as it is answered, and waits until all of it is counted and, where scores are made, scored."""
        plan = self._plan(events, per_request, connections)
        process = await _prepared(plan)
        before, cost = await self._product.counted(), self._product.cost()
        sending = asyncio.ensure_future(_sent(process))
        counted = await self._until_counted(before + events)
        sent = await sending
        _require_all(sent, events)
        caught_up = await self._until_fresh() if self._is_scoring else None
        spent = self._product.cost() - cost
        return Throughput(
            per_request,
            events,
            round(events / (sent["ended"] - sent["began"])),
            round(events / (counted - sent["began"])),
            None if caught_up is None else round(max(0.0, caught_up - sent["ended"]), 2),
            {who: round(1e6 * seconds / events, 1) for who, seconds in asdict(spent).items()},
            *_quantiles(sent["latencies"]),
        )

    async def latency(self, rate: int, seconds: int, per_request: int) -> Latency:
        """Sends by the clock, and looks for the cards of accounts that were named for the first time."""
        plan = self._plan(rate * seconds, per_request, 16, rate=rate, sample_every=4)
        process = await _prepared(plan)
        cost = self._product.cost()
        sending = asyncio.ensure_future(_sent(process))
        fresh = {f"{plan.name}-{i}" for i in range(0, plan.events // per_request, plan.sample_every)}
        seen = await self._watch(fresh, seconds + 15.0)
        sent = await sending
        _require_all(sent, plan.events)
        spent = self._product.cost() - cost
        accepted = {sample["account"]: sample["accepted"] for sample in sent["samples"]}
        delays = [max(0.0, seen[account] - at) for account, at in accepted.items() if account in seen]
        return Latency(
            rate,
            plan.events,
            len(accepted),
            len(accepted) - len(delays),
            *_quantiles(delays),
            *_quantiles(sent["latencies"]),
            {who: round(value / seconds, 2) for who, value in asdict(spent).items()},
        )

    def _plan(self, events: int, per_request: int, connections: int, *, rate: int = 0, sample_every: int = 0) -> Plan:
        self._loads += 1
        name = f"{self._name}-{self._loads}"
        return Plan(
            self._product.ingest, self._product.key, name, events, per_request, connections,
            rate=rate, sample_every=sample_every,
        )  # fmt: skip

    async def _until_counted(self, wanted: int) -> float:
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            if await self._product.counted() >= wanted:
                return time.monotonic()
            await asyncio.sleep(0.05)
        raise SystemExit(
            f"after {GIVE_UP_S:.0f} s only {await self._product.counted()} of {wanted} events were counted"
        )

    async def _until_fresh(self) -> float:
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            if await self._product.stale() == 0:
                return time.monotonic()
            await asyncio.sleep(0.05)
        raise SystemExit(f"after {GIVE_UP_S:.0f} s scores of {await self._product.stale()} accounts still waited")

    async def _watch(self, accounts: set[str], seconds: float) -> dict[str, float]:
        seen: dict[str, float] = {}
        deadline = time.monotonic() + seconds
        while len(seen) < len(accounts) and time.monotonic() < deadline:
            shown = await self._product.shown(accounts - seen.keys())
            now = time.monotonic()
            seen.update(dict.fromkeys(shown, now))
            await asyncio.sleep(0.02)
        return seen


async def _prepared(plan: Plan) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.pipeline.load", json.dumps(asdict(plan)),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=HERE.parent.parent, limit=1 << 26,
    )  # fmt: skip
    assert process.stdout is not None
    line = await process.stdout.readline()
    if line != b"prepared\n":
        raise SystemExit("the load generator did not start")
    return process


async def _sent(process: asyncio.subprocess.Process) -> dict[str, Any]:
    out, _ = await process.communicate(b"go\n")
    sent: dict[str, Any] = json.loads(out)
    return sent


def _require_all(sent: dict[str, Any], events: int) -> None:
    if sent["accepted"] != events or sent["refused"]:
        raise SystemExit(f"{sent['accepted']} of {events} events were accepted; refused: {sent['refused'][:3]}")


def _quantiles(values: list[float]) -> tuple[float, float]:
    """Median and 99th percentile, in seconds."""
    ordered = sorted(values) or [float("nan")]
    return (
        round(statistics.median(ordered), 4),
        round(ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))], 4),
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def _rounds(bench: Bench, options: argparse.Namespace, label: str) -> list[Throughput]:
    await bench.throughput(min(20_000, options.events), 100, options.connections)
    found = []
    for per_request in (100, 500):
        for _ in range(options.repeat):
            one = await bench.throughput(options.events, per_request, options.connections)
            load = os.getloadavg()[0]
            _say(
                f"{label}, {per_request} a request: {one.counted_per_second:,.0f}/s counted,"
                f" scores fresh {one.caught_up_s} s after the load, CPU {one.cpu_us} us/event (load {load:.1f})"
            )
            found.append(one)
    return found


async def _measure(options: argparse.Namespace, data: Path) -> dict[str, Any]:
    name = f"b{time.monotonic_ns():x}"
    product = await Product.start(options.kizashi, data, options.port_base, {})
    try:
        broker = product.broker
        bench = Bench(product, name)
        scored = await _rounds(bench, options, "scoring in step")
        steady = []
        for _ in range(options.repeat):
            steady.append(await bench.latency(options.rate, options.seconds, 20))
            _say(f"{steady[-1]}")
        _say("the broker alone …")
        records = await rival.recorded(product.bootstrap, options.events)
        carried = [
            await rival.carry(product.bootstrap, records, f"bench.{name}.{i}", volatile=broker == "volatile")
            for i in range(options.repeat)
        ]
    finally:
        await product.stop()
    product = await Product.start(options.kizashi, data, options.port_base, COUNTING_ALONE)
    try:
        alone = await _rounds(Bench(product, f"{name}c", is_scoring=False), options, "counting alone")
    finally:
        await product.stop()
    return _result(broker, scored, alone, carried, steady)


def _result(
    broker: str,
    scored: list[Throughput],
    alone: list[Throughput],
    carried: list[rival.Carried],
    steady: list[Latency],
) -> dict[str, Any]:
    ceiling = statistics.median(one.per_second for one in carried)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load_1m": os.getloadavg()[0]},
        "broker": broker,
        "medians": {
            "scoring_in_step": {n: _median(scored, n) for n in (100, 500)},
            "counting_alone": {n: _median(alone, n) for n in (100, 500)},
            "broker_alone_per_second": round(ceiling),
            "ratio_to_broker_alone": {
                n: round(_median(scored, n)["counted_per_second"] / ceiling, 3) for n in (100, 500)
            },
            "visible_p50_s": statistics.median(one.visible_p50_s for one in steady),
            "visible_p99_s": statistics.median(one.visible_p99_s for one in steady),
        },
        "scoring_in_step": [asdict(one) for one in scored],
        "counting_alone": [asdict(one) for one in alone],
        "broker_alone": [asdict(one) for one in carried],
        "latency": [asdict(one) for one in steady],
    }


def _median(found: list[Throughput], per_request: int) -> dict[str, Any]:
    mine = [one for one in found if one.per_request == per_request]
    caught_up = [one.caught_up_s for one in mine]
    return {
        "counted_per_second": statistics.median(one.counted_per_second for one in mine),
        "caught_up_s": None if None in caught_up else statistics.median(s for s in caught_up if s is not None),
        "cpu_us": {
            who: round(statistics.median(one.cpu_us[who] for one in mine), 1) for who in Cost.__dataclass_fields__
        },
    }


def _options() -> argparse.Namespace:
    made = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    made.add_argument("--events", type=int, default=100_000, help="events of one load (default: %(default)s)")
    made.add_argument("--connections", type=int, default=8)
    made.add_argument("--repeat", type=int, default=3)
    made.add_argument("--rate", type=int, default=1_000, help="events a second of the latency run")
    made.add_argument("--seconds", type=int, default=20, help="how long the latency run takes")
    made.add_argument("--port-base", type=int, default=21_300)
    made.add_argument("--kizashi", default=str(Path(sys.executable).with_name("kizashi")), help="the command")
    made.add_argument("--data", type=Path, help="a data directory to use and keep (default: a new one, removed after)")
    made.add_argument("--write", action="store_true", help=f"write the result to {RESULT.name}")
    return made.parse_args()


def main() -> None:
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="bench-pipeline-"))
    folder.chmod(0o755)  # started by root, PostgreSQL runs as somebody else and must get through
    data = options.data or folder / "data"
    try:
        result = asyncio.run(_measure(options, data))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = json.dumps(result, indent=1)
    print(text)
    if options.write:
        RESULT.write_text(text + "\n")


if __name__ == "__main__":
    main()
