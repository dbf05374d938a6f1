"""What a release must pass: the wheel is built and checked, and what it brings along is told.

All of it goes to dist/: the wheel, the source, and a list of what is installed with them (SBOM).
"""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
DIST = ROOT / "dist"
SBOM = DIST / "sbom.cdx.json"
PACKAGES = ("pool", "runner")
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
    return 1 if wrong or not audited(locked) else 0


def run(program: str, *arguments: str) -> None:
    """Run a program of .venv; ends this one if that fails."""
    ended = subprocess.run([BIN / program, *arguments], cwd=ROOT, check=False)
    if ended.returncode:
        sys.exit(f"error: {program} ended with status {ended.returncode}")


def wanted() -> set[str]:
    """Every file of the packages that belongs to the project, code and what comes with it."""
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(listed.stdout.split("\n")) - {""}


def differences(packed: set[str], expected: set[str]) -> list[str]:
    """What the wheel lacks or has too much of, a line each; its own records do not count."""
    packed = {name for name in packed if ".dist-info/" not in name}
    return [f"{name} is missing" for name in sorted(expected - packed)] + [
        f"{name} should not be there" for name in sorted(packed - expected)
    ]


def audited(locked: str) -> bool:
    """Whether no locked package has a known vulnerability, as far as that can be asked."""
    command = [
        str(BIN / "pip-audit"),
        "--require-hashes",
        "--disable-pip",
        "--progress-spinner=off",
    ]
    try:
        ended = subprocess.run(
            [*command, "--requirement", locked],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=AUDIT_S,
        )
    except subprocess.TimeoutExpired:
        print(f"not audited: no answer within {AUDIT_S} s")
        return True
    if ended.returncode == 0:
        print(ended.stderr.strip())
        return True
    if "Found" in ended.stderr:
        print(ended.stderr.strip(), ended.stdout.strip(), sep="\n", file=sys.stderr)
        return False
    last = (ended.stderr.strip().splitlines() or ["no reason"])[-1]
    print(f"not audited: the index of vulnerabilities cannot be asked ({last[:200]})")
    return True


if __name__ == "__main__":
    sys.exit(main())
