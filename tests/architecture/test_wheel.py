"""The check of the built wheel finds what a wheel may lack; CI runs it on the real one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from scripts import check_wheel

METADATA = "Metadata-Version: 2.4\nName: kizashi\nLicense-Expression: Apache-2.0\n\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small product with a file of each kind."""
    package = tmp_path / "services/gateway/kizashi_gateway"
    (package / "__pycache__").mkdir(parents=True)
    for name in (
        "__init__.py",
        "page.html",
        "default.yaml",
        "case.json",
        "kizashi.css",
        "en.toml",
        "__pycache__/x.pyc",
    ):
        (package / name).write_text("")
    (tmp_path / "docs" / "runbooks").mkdir(parents=True)
    (tmp_path / "docs" / "runbooks" / "KizashiWatchdog.md").write_text("")
    return tmp_path


def a_wheel(tree: Path, *, without: str = "", metadata: str = METADATA) -> Path:
    """A wheel of the tree that lacks one file."""
    path = tree / "kizashi-0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in check_wheel.wanted(tree):
            if not without or not name.endswith(without):
                archive.writestr(name, "")
        archive.writestr("kizashi-0.dist-info/METADATA", metadata)
    return path


def test_a_whole_wheel_passes(tree: Path) -> None:
    assert check_wheel.faults(a_wheel(tree), tree) == []


def test_a_forgotten_template_is_named(tree: Path) -> None:
    faults = check_wheel.faults(a_wheel(tree, without="page.html"), tree)
    assert faults == ["missing: kizashi_gateway/page.html", "no .html file at all"]


def test_a_wheel_without_its_licence_is_refused(tree: Path) -> None:
    faults = check_wheel.faults(a_wheel(tree, metadata="Metadata-Version: 2.4\n\n"), tree)
    assert faults == ["the metadata does not name the licence"]


def test_no_wheel_is_a_fault() -> None:
    assert check_wheel.main([]) == 1
