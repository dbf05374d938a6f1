"""Makes docs/pictures/diagram_*.svg: the Mermaid diagrams of the pages, as the site shows them.

So the site needs no script, and a reader's browser fetches none. Mermaid comes from npm, and is
run in Chromium.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from docs.site.hooks import MERMAID, ROOT, picture_of

MERMAID_VERSION = "11.17.2"
PICTURES = ROOT / "docs" / "pictures"
# The words are SVG, because browsers show no HTML in a picture. Every browser has the font.
_DRAW = """async source => {
  mermaid.initialize({startOnLoad: false, theme: 'neutral', htmlLabels: false,
    fontFamily: 'sans-serif', deterministicIds: true, flowchart: {htmlLabels: false},
    sequence: {wrap: true, width: 130, actorMargin: 15, messageFontSize: 18, actorFontSize: 18}});
  return (await mermaid.render('diagram', source)).svg;
}"""


def main() -> int:
    """Draw the diagrams that have no picture yet, and remove the pictures of old diagrams."""
    sources = {
        picture_of(source): source
        for page in sorted((ROOT / "docs").glob("*.md"))
        for source in MERMAID.findall(page.read_text())
    }
    for path in PICTURES.glob("diagram_*.svg"):
        if path.name not in sources:
            path.unlink()
    missing = {name: text for name, text in sources.items() if not (PICTURES / name).exists()}
    if missing:
        with tempfile.TemporaryDirectory() as folder:
            draw(missing, mermaid_in(Path(folder)))
    print(f"{len(sources)} diagrams, {len(missing)} of them drawn")
    return 0


def mermaid_in(folder: Path) -> Path:
    """Mermaid as one script, fetched into a folder."""
    subprocess.run(
        ["npm", "pack", "--silent", f"mermaid@{MERMAID_VERSION}"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with tarfile.open(folder / f"mermaid-{MERMAID_VERSION}.tgz") as archive:
        archive.extract("package/dist/mermaid.min.js", folder, filter="data")
    return folder / "package" / "dist" / "mermaid.min.js"


def draw(sources: dict[str, str], script: Path) -> None:
    """Draw each source into the picture of its name."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.add_script_tag(path=script)
        for name, source in sources.items():
            (PICTURES / name).write_text(_svg(page, source))
        browser.close()


def _svg(page: Page, source: str) -> str:
    """The text of an SVG file with a white background, because the site may be dark."""
    svg = str(page.evaluate(_DRAW, source))
    return svg.replace('style="', 'style="background: white; ', 1).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.exit(main())
