"""Makes docs/pictures/run.svg: the quick start's kata, as `dojo-runner run` shows it.

A daemon runs it that has warm containers, as in service: it is the second run that is shown.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from scripts.daemon import daemon, wait_until_warm

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "quickstart.md"
PICTURE = ROOT / "docs" / "pictures" / "run.svg"
COLUMNS = 82
# Of Rich's form without the fonts that a browser would fetch from elsewhere.
FORM = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)

# `name`, whatever the sentence goes on to say of it, and the block that follows.
_FILE = re.compile(r"`([\w.-]+\.\w+)`[^`\n]*:\n\n```\w+\n(.*?)```", re.DOTALL)


def kata_of(page: str) -> dict[str, str]:
    """The files of the kata that the page has its reader make."""
    return dict(_FILE.findall(page))


def main() -> int:
    """Run the kata, and write the picture; the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        kata = Path(folder) / "my-kata"
        kata.mkdir()
        for name, content in kata_of(PAGE.read_text()).items():
            (kata / name).write_text(content)
        image = json.loads((kata / "manifest.json").read_text())["image_name"]
        log = ROOT / ".state" / "picture.log"
        with daemon(log, CYBER_DOJO_RUNNER_WARM_IMAGES=image) as url:
            for _ in range(2):
                wait_until_warm(url, image)
                printed = shown(folder, url)
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(Text("$ dojo-runner run my-kata --url http://127.0.0.1:4597", style="bold"))
    console.print(Text.from_ansi(printed))
    console.save_svg(str(PICTURE), title="dojo-runner", code_format=FORM, unique_id="run")
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size} bytes")
    return 0


def shown(folder: str, url: str) -> str:
    """What the command prints on a terminal."""
    command = [str(ROOT / ".venv" / "bin" / "dojo-runner"), "run", "my-kata", "--url", url]
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the spinner
        text=True,
        check=True,
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
