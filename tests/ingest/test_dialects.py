"""Laws of every dialect, and of the sets that metrics and answers are built from."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from prometheus_client.registry import REGISTRY

import kizashi_ingest
from kizashi_common.contracts import quarantine
from kizashi_common.errors import Invalid
from kizashi_ingest.domain import dialects
from kizashi_ingest.domain.answers import STATUS
from kizashi_ingest.domain.body import Body
from kizashi_ingest.domain.dialects import DIALECTS, NAMES, ROUTES
from kizashi_ingest.domain.notes import WARNINGS
from kizashi_ingest.settings import IngestSettings
from tests.ingest.house import SERVER, TOKEN, House
from tests.ingest.pure import intake_of

PACKAGE = Path(kizashi_ingest.__file__).parent


def test_every_file_of_the_folder_is_registered() -> None:
    files = {path.stem for path in (PACKAGE / "domain" / "dialects").glob("*.py")} - {"__init__"}
    registered = {name for name in files if getattr(getattr(dialects, name, None), "ROUTES", None) in DIALECTS}
    assert files == registered


def test_no_two_dialects_claim_one_path() -> None:
    assert len(ROUTES) == sum(map(len, DIALECTS))
    assert {route.dialect for route in ROUTES.values()} <= set(NAMES)


@pytest.mark.parametrize("path", sorted(ROUTES))
@pytest.mark.parametrize("root", [b"5", b'"x"', b"[]", b"null", b"true"])
def test_a_root_that_is_no_object_is_refused_by_its_own_name(path: str, root: bytes) -> None:
    with pytest.raises(Invalid) as told:
        ROUTES[path].read(Body(root))
    assert told.value.reason == "bad_envelope"


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_an_empty_object_never_becomes_an_event(path: str) -> None:
    try:
        outcomes = intake_of(path, b"{}")
    except Invalid:
        outcomes = []
    assert {outcome.verdict.status for outcome in outcomes} <= {"quarantined"}


@pytest.mark.parametrize("path", sorted(ROUTES))
async def test_every_route_answers_a_good_request_with_exactly_200(house: House, path: str) -> None:
    item = {
        "type": "track",
        "event": "Done",
        "userId": "u",
        "messageId": "m",
        "name": "Done",
        "groupId": "a",
        "timestamp": "2026-11-22T09:00:00Z",
        "id": "a",
        "user": "u",
        "at": "2026-11-22T09:00:00Z",
    }
    body = {"batch": [item], **item}
    if path == "/v1/facts":
        body = {"accounts": [{"id": "a", "facts": {"seats": 1}}]}
    key = "WK_import" if path == "/v1/import" else SERVER
    answer = await house.post(path, body, key=key)
    assert (answer.status, answer.json["accepted"]) == (200, 1)


def _texts(pattern: str) -> set[str]:
    """Every literal that stands where the code raises or notes something."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        found |= set(re.findall(pattern, path.read_text()))
    return found


def test_every_warning_is_of_the_closed_set_and_every_one_of_the_set_is_given() -> None:
    noted = _texts(r'notes\.add\(\s*"([a-z_0-9]+)"')
    conditional = {"no_time", "bad_time", "id_made", "no_id_no_time"}
    assert noted | conditional == set(WARNINGS)


def test_every_reason_of_a_refusal_is_of_the_closed_set() -> None:
    raised = _texts(r'Refused\(\s*"([a-z_0-9]+)"')
    assert raised <= set(quarantine.CODES)
    assert set(quarantine.CODES) - raised == {"invalid_attribute"}  # CloudEvents alone has attributes


def test_every_code_of_an_answer_has_its_status() -> None:
    codes = _texts(r'code="([a-z_0-9]+)"') - {"key_taken", "too_many_keys"}
    assert codes <= set(STATUS)
    assert not set(STATUS.values()) & {202, 204, 301, 302, 403, 409, 410, 460, 501, 505, 511}


async def test_series_exist_at_zero_and_do_not_grow_with_what_is_sent(house: House) -> None:
    before = _series()
    for i in range(30):
        await house.post("/v1/track", {"event": f"Name {i}", "userId": f"u{i}", "messageId": f"m{i}"})
        await house.post("/v1/track", {"event": f"Name {i}", "messageId": f"m{i}"})
        await house.post("/v1/track", b"{" * (i + 1))
    assert _series() == before
    assert ("kizashi_ingest_quarantined_total", "posthog", "too_deep") in before


def _series() -> set[tuple[str, ...]]:
    return {
        (sample.name, *map(str, sample.labels.values()))
        for metric in REGISTRY.collect()
        if metric.name.startswith("kizashi_ingest_")
        for sample in metric.samples
    }


def test_settings_have_defaults_bounds_and_a_sentence() -> None:
    found = IngestSettings.read({"KIZASHI_SERVICE_TOKEN": TOKEN})
    assert (found.limits.events, found.limits.accept_age.days, found.limits.import_age.days) == (5_000, 30, 3_660)
    with pytest.raises(Invalid) as told:
        IngestSettings.read({"KIZASHI_ACCEPT_DAYS": "0", "KIZASHI_ACK_SECONDS": "soon"})
    assert {fault.pointer for fault in told.value.faults} == {
        "KIZASHI_SERVICE_TOKEN",
        "KIZASHI_ACCEPT_DAYS",
        "KIZASHI_ACK_SECONDS",
    }
    assert all(info.description for info in IngestSettings.model_fields.values())


def test_the_domain_imports_no_clock_and_no_chance() -> None:
    for path in (PACKAGE / "domain").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not {name.name for name in node.names} & {
                    "time",
                    "random",
                    "secrets",
                    "asyncio",
                    "logging",
                    "os",
                }
