"""with-engine [--images NAMES] COMMAND...

Runs COMMAND while a Docker engine answers, and ends with its exit status. Where none answers one is
started, and stopped again after COMMAND (see engine.py); where none is installed root gets the
distribution's. DOCKER_HOST is honoured.
"""

import argparse
import sys

import engine
from child import block_signals, run
from packages import missing


def main() -> int:
    """Run the command while an engine answers; its exit status."""
    parser = argparse.ArgumentParser(prog="with-engine", description=__doc__)
    parser.add_argument(
        "--images",
        metavar="NAMES",
        help="first build these of the project's images: names with commas, all, or languages",
    )
    parser.add_argument(
        "--tools",
        metavar="NAMES",
        default="",
        help="first install these commands, where they are missing: names with commas",
    )
    parser.add_argument("--stay", action="store_true", help="start an engine that stays")
    parser.add_argument("--stop", action="store_true", help="stop the engine that stays")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()

    block_signals()
    if arguments.stop:
        print(engine.stop())
        return 0
    with engine.engine(stays=True if arguments.stay else None):
        if arguments.stay:
            print(engine.description())
            return 0
        # Now, as the engine's package may have brought some.
        if packages := missing(arguments.tools):
            engine.install(*packages)
        status = build(arguments.images) if arguments.images else 0
        return status or run(arguments.command)


def build(names: str) -> int:
    """Build these of the project's images; the exit status."""
    builder = engine.ROOT / "images" / "build.py"
    return run([sys.executable, str(builder), *names.split(",")])


if __name__ == "__main__":
    sys.exit(main())
