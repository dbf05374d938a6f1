"""Makes docs/pictures/run.svg: the quick start's kata, as `dojo-runner run` shows it."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

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
        command = [str(ROOT / ".venv" / "bin" / "dojo-runner"), "run", "my-kata"]
        terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
        run = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | terminal,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(Text("$ dojo-runner run my-kata", style="bold"))
    console.print(Text.from_ansi(run.stdout))
    console.save_svg(str(PICTURE), title="dojo-runner", code_format=FORM, unique_id="run")
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
