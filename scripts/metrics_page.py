"""Writes docs/reference/metrics.md from the declarations in every metrics.py; with --check says whether it is current.

Source: OPERATIONS.md 5, "the docs page comes from there".
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from kizashi_common.telemetry import metrics as shared
from kizashi_common.telemetry.catalogue import Described, described, metrics_of

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "reference" / "metrics.md"
BUCKETS: Final = {getattr(shared, letter): letter for letter in "HFDWQBNA"}

HEAD: Final = """# Metrics

What `/metrics` of the operations port tells, in OpenMetrics. This page is made from every `metrics.py` by
`python -m scripts.metrics_page`; a test compares the two, and the registry of a running process with both.

- Names begin with `kizashi_`, units are seconds and bytes, counters end in `_total`. Metrics that several services
  share carry `service`; the others name theirs.
- Every series of a closed label (its values stand in the table) exists from the first scrape on, so a rate over nothing
  is zero and not absent. A partition's series exist while it is assigned to the process.
- Nothing that identifies a customer is ever a label: no workspace, account, user, event, path, rule, host or text of
  an error.
- Counters of consumers move after the commit. A crash can lose counts, never events: exact accounting is the ledger in
  PostgreSQL, which `kizashi_health_invariant_violations_total` watches.
"""
OPEN: Final = {
    "service": "ingest, health, alerts or gateway",
    "version, commit": "of the code that runs",
    "worker": "a background worker, by the name in its service's `compose.py`",
    "topic, partition": "of Kafka; a partition is a number",
    "route, method, code": "the template of a route, the HTTP method, the status code",
    "pool": "`requests` for what people ask, `ledger` for flushes, `rows` for what engines read",
    "query": "`read_` or `write_` with a table, `begin`, `commit`, `rollback` or `other`: at most 40 a service",
    "channel": "a way of delivery that is built in",
}
GROUPS: Final = (
    ("Consumers", ("kizashi_consumer_",)),
    ("Producers and outboxes", ("kizashi_produce_", "kizashi_outbox_")),
)


class Group(NamedTuple):
    """One table of the page."""

    title: str
    metrics: list[Described]


def modules() -> list[ModuleType]:
    """Every module that declares metrics, the shared one first."""
    paths = [path for part in ("libs", "services") for path in (ROOT / part).glob("*/kizashi_*/**/metrics.py")]
    names = sorted(".".join(path.relative_to(path.parents[_depth(path)]).with_suffix("").parts) for path in paths)
    return [shared, *(import_module(name) for name in names if name != shared.__name__)]


def _depth(path: Path) -> int:
    """How many folders lie between the file and the folder of its import package."""
    package = next(part for part in path.parts if part.startswith("kizashi_"))
    return len(path.parts) - path.parts.index(package) - 1


def catalogue() -> list[Group]:
    """All metrics, each once, in the groups of the page."""
    seen: set[str] = set()
    groups: list[Group] = []
    for module in modules():
        fresh = [one for one in map(described, metrics_of(module)) if one.name not in seen]
        seen.update(one.name for one in fresh)
        groups += _shared(fresh) if module is shared else [Group(_title(module), fresh)]
    return groups


def _title(module: ModuleType) -> str:
    return module.__name__.removesuffix(".metrics").rpartition(".")[2].removeprefix("kizashi_").capitalize()


def _shared(metrics: Sequence[Described]) -> Iterator[Group]:
    grouped = [prefix for _, prefixes in GROUPS for prefix in prefixes]
    yield Group("Every service", [one for one in metrics if not one.name.startswith(tuple(grouped))])
    for title, prefixes in GROUPS:
        yield Group(title, [one for one in metrics if one.name.startswith(prefixes)])


def page() -> str:
    """The whole page."""
    lines = [HEAD, "## Buckets", "", "| letter | upper bounds |", "|---|---|"]
    lines += [f"| {letter} | {' '.join(f'{bound:.10g}' for bound in bounds)} |" for bounds, letter in BUCKETS.items()]
    lines += ["", "## Labels that are not closed", "", "| label | holds |", "|---|---|"]
    lines += [f"| {label} | {holds} |" for label, holds in OPEN.items()]
    for group in catalogue():
        lines += ["", f"## {group.title}", "", "| metric | type | labels | buckets | tells |", "|---|---|---|---|---|"]
        lines += [_row(one) for one in group.metrics]
    return "\n".join(lines) + "\n"


def _row(one: Described) -> str:
    labels = "; ".join(_label(label, one.values.get(label)) for label in one.labels) or "–"
    buckets = BUCKETS.get(one.buckets, "–") if one.buckets else "–"
    return f"| `{one.name}` | {one.kind} | {labels} | {buckets} | {one.help} |"


def _label(label: str, values: Sequence[str] | None) -> str:
    return label if values is None else f"{label} = {', '.join(values)}"


def main(arguments: Sequence[str]) -> int:
    """Writes the page, or says that it is not current."""
    wanted = page()
    if "--check" in arguments:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted:
            return 0
        print(f"{PAGE.name} is not what the declarations say; run python -m scripts.metrics_page", file=sys.stderr)
        return 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(wanted, encoding="utf-8")
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
