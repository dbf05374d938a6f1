"""Brings the pages beside README.md into the site, turns links, and puts pictures for diagrams."""

import hashlib
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages of the top folder are pages of the site."""
    for name in BESIDE:
        files.append(File.generated(config, name, content=(ROOT / name).read_text()))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """In the repository these pages are a folder apart; in the site they are beside each other."""
    start = "docs/" if page.file.src_path in BESIDE else "../"
    turned = re.sub(rf"\]\({re.escape(start)}", "](", markdown)
    return MERMAID.sub(lambda found: _picture(f"pictures/{picture_of(found[1])}"), turned)


def _picture(path: str) -> str:
    """A picture that links to itself, because the letters of a wide one are small on a page."""
    return f"[![diagram]({path})]({path})"


def picture_of(source: str) -> str:
    """The name of a diagram's picture, which `make diagrams` draws."""
    return f"diagram_{hashlib.sha256(source.encode()).hexdigest()[:12]}.svg"
