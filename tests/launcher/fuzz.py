"""python -m tests.launcher.fuzz [--seconds S] [TARGET...]

Looks for inputs that break the launcher's parsers. Each target begins with its corpus/, and with
what earlier calls have found of new ways through the code, which is kept in .state/fuzz. An input
that breaks a target is kept there, too: make it small (`-minimize_crash=1`), add it to corpus/
under a name that tells what it is, and mend the parser.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.launcher.build import FUZZERS, HERE, build_fuzzer

STATE = HERE.parents[1] / ".state" / "fuzz"
LONGEST_INPUT_BYTES = 4096
_MEMORY = Path("/dev/shm")


def fuzz(program: Path, found: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    """Fuzz a target for so many seconds. The return code is 0 when no input broke it.

    The trees that the target makes are in a folder of this call's own, in memory where that can be
    had, and are gone afterwards even if the target was broken.
    """
    found.mkdir(parents=True, exist_ok=True)
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(
        prefix="dojo-runner-fuzz-", dir=memory, ignore_cleanup_errors=True
    ) as trees:
        return subprocess.run(  # noqa: S603 - the project's own program
            [
                *(str(program), f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT_BYTES}"),
                *("-timeout=20", "-verbosity=0", "-print_final_stats=1"),
                *(f"-artifact_prefix={found}.", str(found), str(HERE / "corpus" / program.name)),
            ],
            env={**os.environ, "TMPDIR": trees},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )


def main() -> int:
    """Fuzz the named targets, one after the other; the exit status is 1 if one of them fails."""
    parser = argparse.ArgumentParser(prog="tests.launcher.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("target", nargs="*", help=f"of {', '.join(FUZZERS)} (default: all)")
    arguments = parser.parse_args()
    if unknown := set(arguments.target) - FUZZERS.keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    STATE.mkdir(parents=True, exist_ok=True)
    broken = []
    for name in arguments.target or FUZZERS:
        ended = fuzz(build_fuzzer(name, STATE), STATE / f"{name}.corpus", arguments.seconds)
        sys.stdout.write(f"--- {name}\n{ended.stdout}\n")
        sys.stdout.flush()
        if ended.returncode:
            broken.append(name)
    sys.stdout.write(f"broken: {', '.join(broken) or 'none'}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
