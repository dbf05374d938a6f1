"""The API's document: it is well formed, names every route, and is true of the answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import SecretStr
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from runner.http import examples, routes
from runner.http.acts import add_acts
from runner.http.keys import SETTINGS
from runner.http.openapi import document
from runner.settings import Settings
from tests.runner.http.support import PULL, RUN
from tests.serving import Served

API = document(has_acts=True)
REGISTRY: Registry[Any] = Registry().with_resource("urn:api", DRAFT202012.create_resource(API))


def is_valid(model: str, value: Any) -> bool:
    """Whether the document's schema of this name takes the value."""
    schema = {"$ref": f"urn:api#/components/schemas/{model}"}
    return bool(Draft202012Validator(schema, registry=REGISTRY).is_valid(value))


def whole_api() -> web.Application:
    """The routes of an application with acts; the page's own files are no API."""
    app = web.Application()
    app[SETTINGS] = Settings(acts_token=SecretStr("a token of 16 and more"))
    add_acts(app)
    routes.add_routes(app)
    return app


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body of the document, with where it is: of requests and of answers."""
    for path, item in API["paths"].items():
        for verb, operation in item.items():
            where = f"{verb} {path}"
            for body in operation.get("requestBody", {}).get("content", {}).values():
                yield where, body
            for status, answer in operation["responses"].items():
                for body in answer["content"].values():
                    yield f"{where} {status}", body


def examples_by_model() -> dict[str, list[tuple[str, Any]]]:
    """The examples of each schema, with where they are; many paths share an example."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for where, body in contents():
        if reference := body["schema"].get("$ref"):
            found.setdefault(reference.rpartition("/")[2], []).append((where, body["example"]))
    return found


EXAMPLES = examples_by_model()


def test_the_document_is_openapi() -> None:
    """A validator of OpenAPI 3.1 finds nothing wrong with it."""
    assert [str(error) for error in OpenAPIV31SpecValidator(API).iter_errors()] == []


def test_no_route_is_missing() -> None:
    """The document names each path that the application knows, and no other."""
    app = whole_api()
    fixed = {one.canonical for one in app.router.resources() if "{" not in one.canonical}

    assert set(API["paths"]) == fixed | set(routes._HANDLERS)


def test_no_verb_is_missing() -> None:
    """Of a path that is not the contract's the document names the verbs that the router knows."""
    app = whole_api()
    known: dict[str, set[str]] = {}
    for route in app.router.routes():
        assert route.resource is not None
        if route.method not in ("*", "HEAD"):
            known.setdefault(route.resource.canonical, set()).add(route.method.lower())

    documented = {path: set(item) for path, item in API["paths"].items() if path in known}
    assert documented == known


def test_acts_are_told_of_where_there_are_some() -> None:
    """A service without a token has no acts, and its document says so."""
    assert set(API["paths"]) - set(document()["paths"]) == {"/acts/warm", "/acts/drain"}


@pytest.mark.parametrize("model", sorted(EXAMPLES))
def test_the_examples_are_of_their_schema(model: str) -> None:
    """Every example of the document has the form that the document promises."""
    assert [where for where, example in EXAMPLES[model] if not is_valid(model, example)] == []


def test_a_body_without_a_schema_of_ours_has_no_example() -> None:
    """Texts, pages and the document itself are shown by no example."""
    others = [body for _, body in contents() if "$ref" not in body["schema"]]

    assert others
    assert not [body for body in others if "example" in body]


async def test_the_answers_are_of_their_schemas(http: Served) -> None:
    """What a service answers has the form that the document promises."""
    asked = [
        ("AliveAnswer", "/alive", {}),
        ("ReadyAnswer", "/ready", {}),
        ("ShaAnswer", "/sha", {}),
        ("PullAnswer", PULL, {"id": "x", "image_name": http.image}),
        ("RunAnswer", RUN, http.kata("echo x; echo y > new.txt")),
        ("RefusalAnswer", RUN, {}),
        ("RefusalAnswer", "/nowhere", {}),
    ]
    for model, path, arguments in asked:
        answer = (await http.ask(path, arguments)).body
        assert is_valid(model, answer), (model, answer)

    health = (await http.ask("/health", verb="GET")).body
    assert is_valid("HealthAnswer", health), health


async def test_the_examples_of_requests_are_taken(fake_http: Served) -> None:
    """The example of a run is one that a service takes; this node lacks its image."""
    answer = await fake_http.ask(RUN, examples.RUN)

    assert answer.body["run_cyber_dojo_sh"]["outcome"] == "pulling"


@pytest.mark.parametrize(
    ("is_taken", "changes"),
    [
        (True, {}),
        (True, {"id": 5}),
        (True, {"max_seconds": " 1.5e1 "}),
        (False, {"max_seconds": "1.5 s"}),
        (False, {"max_seconds": None}),
        (True, {"image_name": "localhost:5000/a/b:1"}),
        (False, {"image_name": "a b"}),
        (True, {"display_name": "Ruby"}),
        (False, {"rag_lambda": None}),
        (False, {"hidden_filenames": [1]}),
        (True, {"name": "./a//b/...c"}),
        (False, {"name": "../a"}),
        (False, {"name": "a/../b"}),
        (False, {"name": "/a"}),
        (False, {"name": "a/"}),
        (False, {"name": "a\0b"}),
        (False, {"name": ""}),
        (False, {"text": 1}),
        (False, {"more": 1}),
    ],
)
async def test_the_schema_of_a_run_takes_what_the_service_takes(
    fake_http: Served, is_taken: bool, changes: dict[str, Any]
) -> None:
    """A request that is of the schema is answered with 200, and one that is not is refused."""
    manifest, changes = {"image_name": fake_http.image, "max_seconds": 10}, dict(changes)
    arguments = {
        "id": changes.pop("id", "x"),
        "files": {"cyber-dojo.sh": "true", changes.pop("name", "a"): changes.pop("text", "x")},
        **({"more": changes.pop("more")} if "more" in changes else {}),
        "manifest": {**manifest, **changes},
    }

    assert is_valid("RunArguments", arguments) == is_taken
    assert ((await fake_http.ask(RUN, arguments)).status == 200) == is_taken
