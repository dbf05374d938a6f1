"""Starts the daemon, runs one kata red, amber and green over HTTP, prints the answers, stops it."""

import json
import signal
import sys
import time

from rich.console import Console

from scripts.daemon import ROOT, DaemonError, ask, daemon, wait_until_warm

LOG = ROOT / ".state" / "demo.log"
IMAGE = "dojo-runner/python-pytest:latest"

COLOURS = {"red": "red", "amber": "yellow", "green": "green"}
HIKER = "def answer():\n    return {}\n"
TEST = "from hiker import answer\n\n\ndef test_answer():\n    assert answer() == 42\n"
# The longest that a daemon grants: a newcomer's machine, which has just built images, may be busy.
MAX_SECONDS = 20
# For each colour the expression that hiker.py returns.
KATAS = {"red": "6 * 9", "amber": "6 *", "green": "6 * 7"}

console = Console(highlight=False)


def main() -> int:
    """Start a daemon, run one kata in each colour, and stop the daemon; the exit status."""
    # So that the daemon is stopped then too; Ctrl-C is an exception already.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with daemon(LOG) as url:
            ask(url, "pull_image", {"id": "demo", "image_name": IMAGE})
            for colour, expression in KATAS.items():
                if not wait_until_warm(url, IMAGE):
                    console.print("no container is warm yet: the next run has to start its own")
                run(url, colour, expression)
    except DaemonError as error:
        console.print(f"error: {error}", style="red", markup=False)
        tail = LOG.read_text(errors="replace").splitlines()[-20:]
        console.print(f"the log of the daemon, {LOG}, ends with:", *tail, sep="\n", markup=False)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def run(url: str, colour: str, expression: str) -> None:
    """Runs the kata and prints one line; any other outcome than the colour ends the demo."""
    kata = {
        "id": "demo",
        "files": {
            "hiker.py": HIKER.format(expression),
            "test_hiker.py": TEST,
            "cyber-dojo.sh": "python3 -m pytest test_hiker.py\n",
        },
        "manifest": {"image_name": IMAGE, "max_seconds": MAX_SECONDS},
    }
    started = time.monotonic()
    answer = ask(url, "run_cyber_dojo_sh", kata)
    milliseconds = (time.monotonic() - started) * 1000
    outcome = answer.get("run_cyber_dojo_sh", {}).get("outcome")
    console.print(
        f"{expression:6} expected {colour:6} outcome "
        f"[{COLOURS.get(str(outcome), 'magenta')}]{outcome!s:6}[/] {milliseconds:6.0f} ms"
    )
    if outcome != colour:
        raise DaemonError(f"expected {colour}; the answer was:\n{json.dumps(answer, indent=2)}")


if __name__ == "__main__":
    sys.exit(main())
