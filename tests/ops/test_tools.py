"""Programs of operations come from Debian beside the system, and what does not fit is not taken."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.ops.tools import PROGRAMS, ROOT, Program, runs_and_fits, tool, version_in

OS_RELEASE: Final = Path("/etc/os-release")
HAS_RELEASE: Final = OS_RELEASE.is_file() and "VERSION_CODENAME=" in OS_RELEASE.read_text()
APT_GET: Final = """#!/bin/sh
set -eu
case "$1 ${2:-}" in
indextargets*)
    echo "$RELEASE-updates main http://mirror.invalid/updates/"
    echo "$RELEASE contrib http://mirror.invalid/contrib/"
    [ -z "$RELEASE" ] || echo "$RELEASE main http://mirror.invalid/debian/" ;;
"-qq update")
    cp "$APT_CONFIG" "$SEEN/apt.conf"
    cp "$(sed -n 's/^Dir::Etc::sourcelist "\\(.*\\)";/\\1/p' "$APT_CONFIG")" "$SEEN/sources.list" ;;
"-qq download")
    shift 2
    for package in "$@"; do
        [ "$package" != nowhere ] || { echo "E: Unable to locate package nowhere" >&2; exit 100; }
        echo "$package" >"${package}_1_all.deb"
    done ;;
esac
"""
APT_CONFIG: Final = """#!/bin/sh
echo 'Acquire::http::Proxy "http://proxy.invalid:1";'
echo 'APT::Update::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb";'
echo 'DPkg::Post-Invoke:: "touch /tmp/hooked";'
echo 'Dir::State "/var/lib/apt";'
"""
DPKG_DEB: Final = """#!/bin/sh
set -eu
if [ "$1" = -x ]; then mkdir -p "$3/usr/bin" && cp "$2" "$3/usr/bin/$(cat "$2")"; else echo "shown $(cat "$2")"; fi
"""


class Machine:
    """A folder with a PATH of its own, on which apt is what a test says."""

    def __init__(self, folder: Path, *, release: str | None = None) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        codename = next(
            (
                line.partition("=")[2].strip('"')
                for line in OS_RELEASE.read_text().splitlines()
                if line.startswith("VERSION_CODENAME")
            ),
            "",
        )
        self.release = codename if release is None else release
        for name in ("sh", "sed", "tr", "awk", "mkdir", "rm", "cp", "cat", "grep"):
            (self.bin / name).symlink_to(shutil.which(name) or name)

    def put(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def with_apt(self) -> Machine:
        for name, text in (("apt-get", APT_GET), ("apt-config", APT_CONFIG), ("dpkg-deb", DPKG_DEB)):
            self.put(name, text)
        return self

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        surroundings = {"PATH": str(self.bin), "RELEASE": self.release, "SEEN": str(self.folder)}
        return subprocess.run(
            ["sh", ROOT / "scripts" / "debtool", *arguments],
            cwd=self.folder, env=surroundings, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


@pytest.mark.skipif(not HAS_RELEASE, reason="this system does not name its release")
def test_packages_are_unpacked_from_the_machines_own_mirror_and_another_suite(tmp_path: Path) -> None:
    machine = Machine(tmp_path).with_apt()
    done = machine.run("trixie", "held", "one", "two")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "held" / "usr" / "bin").iterdir()) == ["one", "two"]
    assert done.stdout == "shown one\nshown two\n"
    source = (tmp_path / "sources.list").read_text()
    assert source.endswith("] http://mirror.invalid/debian/ trixie main\n")
    assert source.startswith("deb [signed-by=/")


@pytest.mark.skipif(not HAS_RELEASE, reason="this system does not name its release")
def test_the_private_apt_keeps_ways_and_loses_hooks_and_leaves_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path).with_apt()
    assert machine.run("trixie", "held", "one").returncode == 0
    settings = (tmp_path / "apt.conf").read_text()
    assert "proxy.invalid" in settings
    assert "Post-Invoke" not in settings
    assert "/var/lib/apt" not in settings
    assert [path.name for path in (tmp_path / "held").iterdir()] == ["usr"]


@pytest.mark.skipif(not HAS_RELEASE, reason="this system does not name its release")
def test_a_package_that_is_nowhere_fails_and_leaves_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path).with_apt()
    done = machine.run("trixie", "held", "one", "nowhere")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
    assert list((tmp_path / "held").iterdir()) == []


@pytest.mark.skipif(not HAS_RELEASE, reason="this system does not name its release")
def test_a_machine_without_a_source_of_debian_is_told_so(tmp_path: Path) -> None:
    done = Machine(tmp_path, release="").with_apt().run("trixie", "held", "one")
    assert done.returncode == 3
    assert "finds no source" in done.stderr


def test_a_machine_without_apt_is_told_so(tmp_path: Path) -> None:
    done = Machine(tmp_path, release="").run("trixie", "held", "one")
    assert done.returncode == 3
    assert "this machine has no apt-get" in done.stderr


def test_a_call_without_packages_is_told_what_is_missing(tmp_path: Path) -> None:
    done = Machine(tmp_path, release="").run("trixie", "held")
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")


def test_no_address_of_a_mirror_stands_in_the_script() -> None:
    assert "://" not in (ROOT / "scripts" / "debtool").read_text()


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("prometheus, version 2.53.3+ds1 (branch: x)", (2, 53, 3)),
        ("Client Version: v1.32.4-x", (1, 32, 4)),
        ("none", ()),
    ],
)
def test_a_program_tells_its_version_in_its_own_words(said: str, version: tuple[int, ...]) -> None:
    assert version_in(said) == version


@pytest.mark.parametrize(
    ("script", "fits"),
    [("echo tool 2.26.1", True), ("echo tool 2.25.9", False), ("echo 2.26; exit 1", False), ("echo who knows", False)],
)
def test_a_program_that_is_too_old_or_does_not_run_is_not_taken(tmp_path: Path, script: str, fits: bool) -> None:
    path = tmp_path / "tool"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    assert runs_and_fits(path, Program(("tool",), (), ("--version",), (2, 26))) is fits


def test_a_program_on_path_comes_before_the_one_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, on_path = tmp_path / "held", tmp_path / "bin"
    for path, version in ((beside / PROGRAMS["amtool"].places[0], "0.28.1"), (on_path / "amtool", "0.27.0")):
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\necho amtool {version}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{on_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert tool("amtool", beside) == on_path / "amtool"
    (on_path / "amtool").write_text("#!/bin/sh\necho amtool 0.25.0\n")
    tool.cache_clear()
    assert tool("amtool", beside) == beside / PROGRAMS["amtool"].places[0]
    tool.cache_clear()
