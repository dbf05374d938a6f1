"""What a release must pass: the wheel is built and checked, and what it brings along is told.

All of it goes to dist/: the wheel, the source, and a list of what is installed with them (SBOM).
"""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
DIST = ROOT / "dist"
SBOM = DIST / "sbom.cdx.json"
PACKAGES = ("pool", "runner")
LAUNCHER = {
    f"runner/launcher/{name}"
    for name in (".dojo/cells", "waits", "networks", "home/sandbox/waits.c")
}
# What an index that answers takes no longer than.
AUDIT_S = 60


def main() -> int:
    """Run all checks; the exit status."""
    shutil.rmtree(DIST, ignore_errors=True)
    run("hatchling", "build", "-d", str(DIST))
    (wheel,) = DIST.glob("*.whl")
    run("twine", "check", "--strict", str(wheel), *map(str, DIST.glob("*.tar.gz")))
    with zipfile.ZipFile(wheel) as archive:
        wrong = differences(set(archive.namelist()), wanted())
    for line in wrong:
        print(f"{wheel.name}: {line}", file=sys.stderr)
    locked = str(ROOT / "deploy" / "image" / "service.lock")
    run("cyclonedx-py", "requirements", locked, "--pyproject", "pyproject.toml", "-o", str(SBOM))
    print(f"{SBOM.relative_to(ROOT)}: written")
    # The same and what the extra for traces needs: all that an image may have.
    with_extras = str(ROOT / "deploy" / "image" / "service-otel.lock")
    return 1 if wrong or not audited(with_extras) else 0


def run(program: str, *arguments: str) -> None:
    """Run a program of .venv; end this program if that one fails."""
    ended = subprocess.run([BIN / program, *arguments], cwd=ROOT, check=False)
    if ended.returncode:
        sys.exit(f"error: {program} ended with status {ended.returncode}")


def wanted() -> set[str]:
    """Every file of the packages that belongs to the project: the code, and all that goes with it.

    The programs of the launcher, which the build compiles, are among them.
    """
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return (set(listed.stdout.split("\n")) - {""}) | LAUNCHER


def differences(packed: set[str], expected: set[str]) -> list[str]:
    """The files that the wheel lacks or has too much of, one line each.

    The wheel's own records do not count.
    """
    packed = {name for name in packed if ".dist-info/" not in name}
    return [f"{name} is missing" for name in sorted(expected - packed)] + [
        f"{name} should not be there" for name in sorted(packed - expected)
    ]


def audited(locked: str) -> bool:
    """Whether no locked package has a known vulnerability, as far as that can be asked."""
    command = [
        *(str(BIN / "pip-audit"), "--require-hashes", "--disable-pip", "--progress-spinner=off"),
        *("--format", "json", "--requirement", locked),
    ]
    try:
        ended = subprocess.run(
            command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=AUDIT_S
        )
        packages = json.loads(ended.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        print(f"not audited: no answer within {AUDIT_S} s")
        return True
    except ValueError:  # it prints no report where it cannot ask
        last = (ended.stderr.strip().splitlines() or ["no reason"])[-1]
        print(f"not audited: the index of vulnerabilities cannot be asked ({last[:200]})")
        return True
    print("\n".join(audit(packages)))
    return not any(package.get("vulns") for package in packages)


def audit(packages: Sequence[Mapping[str, Any]]) -> list[str]:
    """What pip-audit found, a line each: it passes over packages that its index does not know."""
    passed_over = sum("skip_reason" in package for package in packages)
    lines = [
        f"{package['name']} {package['version']}: {fault['id']}"
        for package in packages
        for fault in package.get("vulns", ())
    ]
    lines.append(f"audited: {len(packages) - passed_over} packages of {len(packages)}")
    if passed_over:
        lines.append(f"not audited: {passed_over} packages, which the index does not know")
    return lines


if __name__ == "__main__":
    sys.exit(main())
