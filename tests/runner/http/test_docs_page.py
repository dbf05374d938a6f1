"""The page of the API's document, as a browser gets it."""

from html.parser import HTMLParser

from runner.http.docs_page import page
from runner.http.openapi import document
from tests.serving import Served


class Links(HTMLParser):
    """Collects what a page refers to, what can be referred to in it, and what may run in it."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.ids: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        found = {name: value or "" for name, value in attrs}
        self.scripts += tag == "script" or any(name.startswith("on") for name in found)
        self.scripts += "style" in found or tag == "style"
        self.targets.update(found[name] for name in ("href", "src") if name in found)
        if "id" in found:
            self.ids.append(found["id"])


def links() -> Links:
    """The links of a page."""
    parser = Links()
    parser.feed(page())
    return parser


def test_the_page_tells_all_that_the_document_does() -> None:
    """Each path and each schema has a place of its own in the page."""
    api = document()

    assert set(api["paths"]) | set(api["components"]["schemas"]) <= set(links().ids)


def test_no_link_leads_nowhere() -> None:
    """A link leads to a place in the page, each of which exists once, or to a route of ours."""
    found = links()
    inside = {target.removeprefix("#") for target in found.targets if target.startswith("#")}
    outside = {f"/{target}" for target in found.targets if not target.startswith("#")}

    assert inside <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    assert outside == {"/docs/style.css", "/openapi.json"}


def test_nothing_runs_in_the_page() -> None:
    """There is no script and no style in the page, so that its policy need allow neither."""
    assert links().scripts == 0


async def test_the_page_is_locked_down(fake_http: Served) -> None:
    """A browser that gets the page may load the style sheet of this service, and nothing else."""
    async with fake_http.session.get(f"{fake_http.url}/docs") as response:
        policy = response.headers["Content-Security-Policy"].split("; ")
        assert response.content_type == "text/html"
        assert await response.text() == page()

    assert policy[:2] == ["default-src 'none'", "style-src 'self'"]
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_style_sheet_and_the_document_are_served(fake_http: Served) -> None:
    """What the page refers to is there, and has the type that a browser insists on."""
    async with fake_http.session.get(f"{fake_http.url}/docs/style.css") as response:
        assert response.content_type == "text/css"
    async with fake_http.session.get(f"{fake_http.url}/openapi.json") as response:
        assert (response.content_type, await response.json()) == ("application/json", document())
