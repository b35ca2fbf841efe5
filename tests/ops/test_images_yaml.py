"""`deploy/images.yaml` says once which foreign images are used; every other place agrees, or is found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import pytest
import yaml
from scripts.sizes import ROOT

BROKER_POM: Final = "libs/local/kizashi_local/broker/pom.xml"
STAND_IN_POM: Final = "deploy/compose/stand-ins/kafka/pom.xml"
_FROM: Final = re.compile(r"^FROM (\S+)", re.MULTILINE)
_IMAGE: Final = re.compile(r"^\s*(?:-\s+)?image: (\S+)$", re.MULTILINE)
_NEW_TAG: Final = re.compile(r"name: (\S+)\n\s*newTag: \"?([^\s\"]+)")
_KAFKA: Final = re.compile(r"<artifactId>kafka[\w.-]*</artifactId>\s*<version>([^<]+)</version>")
_DIGEST: Final = re.compile(r"(?:sha256:[0-9a-f]{64})?")


class Used(NamedTuple):
    """An image, where it is used."""

    where: str
    name: str
    tag: str


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def images() -> dict[str, dict[str, str]]:
    """The single source, by key."""
    found: dict[str, dict[str, str]] = yaml.safe_load(text("deploy/images.yaml"))["images"]
    return found


TAGS: Final[Mapping[str, str]] = {one["name"]: one["tag"] for one in images().values()}


def named(where: str, reference: str) -> Used:
    name, _, tag = reference.partition("@")[0].partition(":")
    return Used(where, name, tag)


def used(files: Mapping[str, str]) -> Iterator[Used]:
    """Every foreign image in these files: ours and the stages of a build are none."""
    for where, content in files.items():
        for reference in (*_FROM.findall(content), *_IMAGE.findall(content)):
            if not reference.startswith("kizashi") and reference not in ("uv", "build"):
                yield named(where, reference)
        yield from (Used(where, name, tag) for name, tag in _NEW_TAG.findall(content) if name != "kizashi")
        yield from (Used(where, "apache/kafka", version) for version in _KAFKA.findall(content))


def strangers(files: Mapping[str, str]) -> list[Used]:
    """What does not agree. A manifest may leave the tag to its overlay."""
    return [one for one in used(files) if one.tag not in ("", TAGS.get(one.name)) or one.name not in TAGS]


def places() -> dict[str, str]:
    """Every file that names a foreign image."""
    manifests = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "deploy" / "k8s").rglob("*.yaml"))]
    return {path: text(path) for path in ("Dockerfile", "docker-compose.yml", BROKER_POM, STAND_IN_POM, *manifests)}


def test_every_place_agrees() -> None:
    assert strangers(places()) == []


def test_every_image_is_used_somewhere() -> None:
    assert {one["name"] for one in images().values()} - {one.name for one in used(places())} == set()


def test_the_base_that_the_label_names_is_the_one() -> None:
    assert f'base.name="python:{TAGS["python"]}"' in text("Dockerfile")


def test_make_uses_the_same_uv() -> None:
    assert f"UV_PIN := {TAGS['astral/uv']}\n" in text("Makefile")


def test_no_tag_floats_and_digests_are_digests() -> None:
    for key, one in images().items():
        assert re.search(r"\d", one["tag"]), f"{key}: {one['tag']} may be anything tomorrow"
        assert _DIGEST.fullmatch(one["digest"]), key


@pytest.mark.parametrize(
    ("where", "content"),
    [
        ("Dockerfile", "FROM python:3.12-slim-trixie AS build\n"),
        ("docker-compose.yml", "services:\n  kafka:\n    image: apache/kafka:4.2.0\n"),
        ("docker-compose.yml", "services:\n  cache:\n    image: redis:8\n"),
        ("overlay.yaml", "images:\n  - name: postgres\n    newTag: 16-trixie\n"),
        ("pom.xml", "<artifactId>kafka-tools</artifactId>\n      <version>4.2.0</version>"),
    ],
)
def test_a_planted_disagreement_is_found(where: str, content: str) -> None:
    assert len(strangers({where: content})) == 1
