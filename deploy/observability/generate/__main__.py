"""Writes the rules that follow from `slo.yaml`, and their tests: `python -m deploy.observability.generate [--check]`.

`--check` writes nothing and fails when a file is not what would be written.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import yaml
from deploy.observability.generate.burning import burning
from deploy.observability.generate.proving import burn_tests, ratio_tests
from deploy.observability.generate.recording import recording
from deploy.observability.generate.slo import read

HERE: Final = Path(__file__).resolve().parents[1]
HEAD: Final = "# Written by `python -m deploy.observability.generate` from slo.yaml. Change that, not this.\n"


class _Plain(yaml.SafeDumper):
    """YAML as a person would write it: expressions over several lines as blocks, lists indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Plain.add_representer(str, _text)


def wanted(here: Path = HERE) -> dict[Path, str]:
    """Every file that is generated, with its whole text."""
    objectives = read(here / "slo.yaml")
    folder = here / "prometheus"
    files: dict[Path, Any] = {
        folder / "rules" / "slo-recording.yaml": recording(objectives),
        folder / "rules" / "slo-burn.yaml": burning(objectives),
        folder / "tests" / "slo-recording.yaml": ratio_tests(objectives),
    }
    for slo in objectives.slos:
        files |= {folder / "tests" / name: held for name, held in burn_tests(slo, objectives).items()}
    return {
        path: HEAD + yaml.dump(held, Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True)
        for path, held in files.items()
    }


def main(arguments: list[str], here: Path = HERE) -> int:
    """Writes what is not as it should be, or with `--check` tells of it; 1 when something was told."""
    stale = [
        (path, text)
        for path, text in wanted(here).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        for path, _ in stale:
            sys.stderr.write(f"{path.relative_to(here)} is not what slo.yaml says; run the generator\n")
        return 1 if stale else 0
    for path, text in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
