"""Brings the pages beside README.md into the site, and turns the links to and from them."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages of the top folder are pages of the site."""
    for name in BESIDE:
        files.append(File.generated(config, name, content=(ROOT / name).read_text()))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """In the repository these pages are a folder apart; in the site they are beside each other."""
    start = "docs/" if page.file.src_path in BESIDE else "../"
    return re.sub(rf"\]\({re.escape(start)}", "](", markdown)
