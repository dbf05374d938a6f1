"""The commands that the pages have their reader type.

A block is for a shell if it is indented, or fenced as `sh`; what is printed is fenced as something
else, such as `text`.
"""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("docs/*.md"), *map(ROOT.joinpath, ("README.md", "CONTRIBUTING.md")))
)

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^|\n)\n((?:    \S.*\n?)(?:    .*\n?)*)")
_CONTINUED = re.compile(r" *\\\n *")
_COMMENT = re.compile(r"\s+# .*$", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, order=True)
class Command:
    """A command as it is typed at once: a line, or more if a quotation or a backslash goes on.

    `text` begins with the `export` lines that stand before it in its block.
    """

    page: str
    text: str

    def __str__(self) -> str:
        return f"{Path(self.page).stem}: {' '.join(self.line.split())[:60]}"

    @property
    def line(self) -> str:
        """The command alone, without the `export` lines before it."""
        lines = self.text.splitlines()
        exports = [line for line in lines if line.startswith("export ")]
        return "\n".join(lines[len(exports) :])


@cache
def commands() -> tuple[Command, ...]:
    """The commands of all pages, each once for each page."""
    found = (
        Command(page, text) for page in PAGES for text in commands_of((ROOT / page).read_text())
    )
    return tuple(dict.fromkeys(found))


def commands_of(page: str) -> list[str]:
    """The texts of a page's commands, in their order, without comments."""
    fenced = [block for language, block in _FENCE.findall(page) if language == "sh"]
    blocks = fenced + _INDENTED.findall(_FENCE.sub("", page))
    return [text for block in blocks for text in _texts(block)]


def _texts(block: str) -> Iterator[str]:
    exports, begun = "", ""
    lines = _COMMENT.sub("", _CONTINUED.sub(" ", textwrap.dedent(block))).splitlines()
    for line in lines:
        begun += line
        if not _is_whole(begun):
            begun += "\n"
        elif begun.startswith("export "):
            exports, begun = f"{exports}{begun}\n", ""
        else:
            yield exports + begun
            begun = ""
    assert not begun, f"a quotation has no end: {begun}"


def _is_whole(text: str) -> bool:
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True


def in_sentences(page: str) -> list[str]:
    """All that a page has between backquotes outside of its blocks."""
    return [str(code) for code in _INLINE.findall(_FENCE.sub("", (ROOT / page).read_text()))]
