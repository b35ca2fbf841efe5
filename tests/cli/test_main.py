"""The program's front: one word picks the command, failures are told in words."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from threading import Thread

import pytest

from kizashi_cli.failures import described
from kizashi_cli.main import COMMANDS, main
from kizashi_common.errors import Busy, Fault, Invalid


@pytest.fixture(autouse=True)
def the_signal_handler_is_put_back() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_without_a_command_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n  {name} " in listed for name in COMMANDS)


def test_an_unknown_command_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upp"]) == 2
    assert "there is no command 'upp'" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(import_module(COMMANDS[name][0]).main)
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert f"kizashi {name}" in capsys.readouterr().out


def test_the_probe_imports_nothing_slow() -> None:
    code = (
        "import sys; from kizashi_cli.main import main; main(['probe', 'livez', '--port', '1']);"
        " print([m for m in ('asyncio', 'pydantic', 'sqlalchemy', 'aiokafka', 'uvicorn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_probe_tells_ready_from_not_ready_and_from_not_there() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/livez" else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        port = str(server.server_port)
        Thread(target=server.serve_forever, daemon=True).start()
        assert main(["probe", "livez", "--port", port]) == 0
        assert main(["probe", "readyz", "--port", port]) == 1
        server.shutdown()
    assert main(["probe", "livez", "--port", port]) == 1


def test_failures_are_told_once_each_with_every_fault() -> None:
    faults = (Fault("KIZASHI_A", "invalid", "too small"), Fault("KIZASHI_B", "missing", "needed"))
    group = ExceptionGroup("all", [Busy("Kafka is away."), ExceptionGroup("in", [Invalid("Settings.", faults=faults)])])
    assert described(group) == "Kafka is away.\nSettings.\n  KIZASHI_A: too small\n  KIZASHI_B: needed"
    assert described(ExceptionGroup("twice", [Busy("Kafka is away."), Busy("Kafka is away.")])) == "Kafka is away."
    assert "ZeroDivisionError" in described(ZeroDivisionError("bug"))
