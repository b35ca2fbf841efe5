"""Routes, methods, keys, CORS: what a request meets before its body is looked at."""

from __future__ import annotations

import json

import pytest

from tests.ingest.house import SERVER, House, basic

TRACK = {"type": "track", "event": "Report Exported", "userId": "u_1", "messageId": "m1", "context": {"groupId": "a"}}
BATCH = {"batch": [TRACK], "sentAt": "2026-11-22T09:05:00Z"}


async def test_a_batch_is_answered_in_segments_words_once_it_is_in_the_log(house: House) -> None:
    answer = await house.post("/v1/batch", BATCH)
    assert answer.status == 200
    assert answer.json["success"] is True
    assert (answer.json["accepted"], answer.json["quarantined"]) == (1, 0)
    assert answer.json["request_id"] == answer.headers["kizashi-request-id"]
    event = house.the_event()
    assert event.id == "m1"
    assert event.data.ingest is not None
    assert event.data.ingest.request_id == answer.json["request_id"]


@pytest.mark.parametrize("path", ["/v1/batch/", "//v1//batch/", "/v1/batch?a=b"])
async def test_slashes_too_many_and_a_trailing_one_change_nothing(house: House, path: str) -> None:
    assert (await house.post(path, BATCH)).status == 200


async def test_an_encoded_slash_is_no_slash(house: House) -> None:
    headers = [("authorization", basic(SERVER))]
    answer = await house.request("POST", "/v1/batch", json.dumps(BATCH).encode(), headers, raw_path=b"%2Fv1%2Fbatch")
    assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_another_method_is_refused_with_those_allowed(house: House, method: str) -> None:
    answer = await house.request(method, "/v1/track")
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/batch", "/v1/batch/x", "/nope"])
async def test_an_unknown_path_is_404_with_all_that_sdks_read(house: House, path: str) -> None:
    answer = await house.request("POST", path, headers=[("origin", "https://app.example.com")])
    assert answer.status == 404
    body = answer.json
    assert isinstance(body["code"], str)
    assert isinstance(body["message"], str)
    assert body["success"] is False
    assert body["errors"] == []
    assert body["error"] == "not_found"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"


async def test_every_answer_lets_the_browser_read_it(house: House) -> None:
    headers = [("origin", "https://app.example.com")]
    good = await house.post("/v1/batch", BATCH, headers=headers)
    bad = await house.post("/v1/batch", b"nonsense", headers=headers)
    denied = await house.post("/v1/batch", BATCH, key="nobody", headers=headers)
    for answer in (good, bad, denied):
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
        assert answer.headers["vary"] == "Origin"
        assert answer.headers["access-control-expose-headers"] == "Retry-After, Kizashi-Request-Id"
        assert "kizashi-request-id" in answer.headers


async def test_a_preflight_is_granted_what_it_asks(house: House) -> None:
    asked = "authorization,x-retry-count"
    answer = await house.request(
        "OPTIONS",
        "/v1/t",
        headers=[("origin", "https://x.example"), ("access-control-request-headers", asked)],
    )
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-headers"] == asked
    assert answer.headers["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert answer.headers["access-control-max-age"] == "7200"
    assert answer.headers["access-control-allow-origin"] == "https://x.example"


@pytest.mark.parametrize(
    ("headers", "query", "body"),
    [
        ([("Authorization", "Bearer WK_test")], "", {}),
        ([("Authorization", basic("WK_test"))], "", {}),
        ([("Authorization", "Basic OldLX3Rlc3Q=")], "", {}),  # empty user, the key as password
        ([("X-Write-Key", "WK_test")], "", {}),
        ([], "?writeKey=WK_test", {}),
        ([], "?access_token=WK_test", {}),
        ([], "?api_key=WK_test", {}),
        ([], "?token=WK_test", {}),
        ([], "", {"writeKey": "WK_test"}),
        ([], "", {"api_key": "WK_test"}),
        ([], "", {"token": "WK_test"}),
    ],
)
async def test_the_key_may_stand_in_many_places(
    house: House, headers: list[tuple[str, str]], query: str, body: dict[str, str]
) -> None:
    answer = await house.post("/v1/batch" + query, {**BATCH, **body}, key=None, headers=headers)
    assert answer.status == 200
    assert house.the_event().workspaceid == "ws_demo"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "missing_key"),
        ([("Authorization", "Bearer unknown")], "invalid_key"),
        ([("Authorization", "Basic ===")], "invalid_key"),
        ([("Authorization", basic("WK_revoked"))], "invalid_key"),
        ([("Authorization", "Bearer kzs_0000000000000000000000000000000000000")], "invalid_key"),
    ],
)
async def test_without_a_good_key_the_answer_is_401_and_never_404(
    house: House, headers: list[tuple[str, str]], code: str
) -> None:
    answer = await house.post("/v1/batch", BATCH, key=None, headers=headers)
    assert answer.status == 401
    assert answer.json["code"] == code
    assert house.events() == []
    assert "unknown" not in answer.json["message"]


async def test_a_source_that_lists_origins_takes_no_other(house: House) -> None:
    good = await house.post("/v1/t", TRACK, key="WK_listed", headers=[("origin", "https://app.example.com")])
    bad = await house.post("/v1/t", TRACK, key="WK_listed", headers=[("origin", "https://evil.example")])
    assert good.status == 200
    assert (bad.status, bad.json["code"]) == (401, "origin_not_allowed")


async def test_a_browsers_key_may_not_send_facts(house: House) -> None:
    answer = await house.post("/v1/facts", {"accounts": []}, key="WK_browser")
    assert (answer.status, answer.json["code"]) == (401, "invalid_key")


async def test_a_cloudevent_is_told_that_it_is_not_understood_yet(house: House) -> None:
    answer = await house.post("/v1/events", b"{}", headers=[("Content-Type", "application/cloudevents+json")])
    assert (answer.status, answer.json["code"]) == (415, "unsupported_format")


async def test_a_body_in_many_pieces_is_one_body(house: House) -> None:
    assert (await house.post("/v1/batch", BATCH, pieces=40)).status == 200


async def test_answers_never_repeat_key_or_payload(house: House) -> None:
    for body in (b'{"batch": "sesame"}', b"sesame", b'{"batch":[{"userId":"sesame"}]}'):
        answer = await house.post("/v1/batch", body)
        assert b"sesame" not in answer.body
        assert SERVER.encode() not in answer.body
