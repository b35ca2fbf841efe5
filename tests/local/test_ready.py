"""What `kizashi up` says when it is ready: one line for programs, a page for people."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

from kizashi_local.ready import Ready

READY = Ready(
    gateway="http://127.0.0.1:7300",
    ingest="http://127.0.0.1:7301",
    ops="http://127.0.0.1:7309",
    broker="kafka",
    data="/d",
    workspace="main",
    admin_key="kza_a",
    server_key="kzs_s",
    sign_in="http://127.0.0.1:7300/sign-in/x",
)


def test_the_json_line_is_one_line_with_exactly_the_promised_names() -> None:
    line = READY.line()
    assert "\n" not in line
    assert list(json.loads(line)) == [
        "ready", "gateway", "ingest", "ops", "broker", "data", "workspace", "admin_key", "server_key", "sign_in",
    ]  # fmt: skip
    assert json.loads(line)["ready"] is True
    assert json.loads(replace(READY, admin_key=None, server_key=None).line())["admin_key"] is None


def test_the_curl_of_the_page_is_one_shell_command_with_a_real_batch() -> None:
    words = shlex.split(READY.example("kzs_s").replace("\\\n", " "))
    assert words[0] == "curl"
    assert words[-1] == "http://127.0.0.1:7301/v1/batch"
    (event,) = json.loads(words[words.index("-d") + 1])["batch"]
    assert event["type"] == "track"
    assert event["context"] == {"groupId": "acme"}


def test_keys_are_on_the_page_only_when_they_are_given() -> None:
    assert "kzs_s" in READY.page()
    assert "curl" not in replace(READY, admin_key=None, server_key=None).page()
