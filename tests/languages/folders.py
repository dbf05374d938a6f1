"""The images that are languages, as they are in the project's tree."""

from pathlib import Path

IMAGES = Path(__file__).parents[2] / "images"

# An image is a language when it has a start point; nothing else names one.
START_POINTS = {
    path.parents[1].name: path.parent for path in sorted(IMAGES.rglob("start_point/manifest.json"))
}
