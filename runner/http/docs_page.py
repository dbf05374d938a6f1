"""The API's document as a page for people: HTML and a style sheet, without any script.

The page loads everything from this service, and tells the browser to allow nothing else.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from runner.http.openapi import document

# No script may run in the page, and no other page may frame it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

_FOLDER = Path(__file__).with_name("page")


@cache
def page(*, has_acts: bool = False) -> str:
    """The page. It is made when a client first asks for it: most daemons are never asked."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["as_json"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    api = document(has_acts=has_acts)
    return environment.get_template("docs.html.jinja").render(
        api=api, groups=_groups(api), about={tag["name"]: tag["description"] for tag in api["tags"]}
    )


@cache
def style() -> str:
    """The page's style sheet."""
    return (_FOLDER / "style.css").read_text()


def _groups(api: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The paths by their tag, in the order of the tags."""
    groups: dict[str, dict[str, Any]] = {tag["name"]: {} for tag in api["tags"]}
    for path, item in api["paths"].items():
        operation = next(iter(item.values()))
        groups[operation["tags"][0]][path] = item
    return groups
