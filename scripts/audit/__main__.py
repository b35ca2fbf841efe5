"""`python -m scripts.audit`: licences, secrets, known vulnerabilities, and the bill of materials.

Prints one line a part. What could not be asked is `SKIP`, counted by `.ci/run`; exit 1 on a fault.

Source: OPERATIONS.md 10, stage 8.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scripts.audit import advisories, licences, secret_scan
from scripts.audit.locked import ROOT


def bill_of_materials(target: Path) -> int:
    """Writes what is installed here as CycloneDX. Exit code of the program that does it."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", sys.executable, "--output-reproducible"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--output-file", str(target)]
    code = subprocess.run(command, check=False).returncode
    print(f"bill of materials: {target.name}" if code == 0 else "bill of materials: could not be written")
    return code


def main() -> int:
    """Runs every part, also after one that failed."""
    out = ROOT / "ci-out"
    out.mkdir(exist_ok=True)
    codes = [licences.main([]), secret_scan.main(), bill_of_materials(out / "sbom.cdx.json")]
    verdict = advisories.ask()
    print(f"SKIP advisories: {verdict.said}" if verdict.outcome == "skip" else f"advisories: {verdict.said}")
    return 1 if any(codes) or verdict.outcome == "fail" else 0


if __name__ == "__main__":
    sys.exit(main())
