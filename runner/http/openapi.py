"""The API as an OpenAPI 3.1 document, made of its paths (`api_paths`) and of its schemas.

The schemas are those of the types that read requests (`wire`) and of `answers`. A test holds the
paths to the routes of the application.
"""

from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from runner.http import acts, answers, examples, wire
from runner.http.api_paths import (
    PROBLEM,
    REFS,
    TOKEN,
    Json,
    PathEntry,
    entries,
    json_body,
    response,
)
from runner.siblings import notice

_REQUESTS: tuple[type, ...] = (
    wire.RunArguments,
    wire.PullArguments,
    notice.RefillNotice,
    acts.WarmAct,
    acts.DrainAct,
)
_ANSWERS: tuple[type, ...] = (
    answers.AliveAnswer,
    answers.ReadyAnswer,
    answers.ShaAnswer,
    answers.PullAnswer,
    answers.RunAnswer,
    answers.RefusalAnswer,
    answers.VerdictAnswer,
    answers.ActAnswer,
    answers.Problem,
    answers.HealthAnswer,
)

_ABOUT = """\
Runs cyber-dojo katas in warm, locked-down containers.

The five paths of the contract ignore the HTTP verb and the content type. A body is a JSON object,
and an empty body means `{}`. Answers are compact JSON. Any other path is answered with status 400
and `unknown path`, never with 404 or 405.

No path asks for a login but the acts, which are there only if the operator has set a token. Only
`/refill` asks for a signature, if a secret is set.
"""

_TAGS = {
    "contract": "What cyber-dojo's services call.",
    "operators": "The state of the service.",
    "replicas": "What replicas tell each other.",
    "documents": "This document.",
}

_WITH_RETRY_AFTER = (429, 503)


@cache
def document(*, has_acts: bool = False) -> Json:
    """The document, with the acts where the operator has turned them on."""
    paths = entries(has_acts=has_acts)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dojo-runner",
            "version": version("dojo-runner"),
            "description": _ABOUT,
            "license": {"name": "BSD-2-Clause", "identifier": "BSD-2-Clause"},
        },
        "servers": [{"url": "/"}],
        "security": [],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": {path: _path_item(path, entry) for path, entry in paths.items()},
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {TOKEN: {"type": "http", "scheme": "bearer"}},
        },
    }


def _path_item(path: str, entry: PathEntry) -> Json:
    return {verb: _operation(path, verb, entry) for verb in entry.verbs}


def _operation(path: str, verb: str, entry: PathEntry) -> Json:
    name = path.strip("/").replace("/", "_").replace(".", "_")
    operation: Json = {
        "operationId": name if len(entry.verbs) == 1 else f"{name}_by_{verb}",
        "tags": [entry.tag],
        "summary": entry.summary,
        "responses": {
            str(entry.status): response(HTTPStatus(entry.status).phrase, entry.answer),
            **entry.more,
            **{str(status): _error(status, why, entry) for status, why in entry.errors.items()},
        },
    }
    if entry.about:
        operation["description"] = entry.about
    if entry.security:
        operation["security"] = list(entry.security)
    if entry.parameters:
        operation["parameters"] = list(entry.parameters)
    if entry.body is not None:
        operation["requestBody"] = {"required": True, "content": entry.body}
    return operation


def _error(status: int, why: str, entry: PathEntry) -> Json:
    if entry.error == "problem":
        content = json_body("Problem", examples.problem(status), PROBLEM)
    else:
        content = json_body("RefusalAnswer", examples.refusal(status))
    answer = response(why, content)
    if status in _WITH_RETRY_AFTER:
        answer["headers"] = {
            "Retry-After": {"description": "seconds", "schema": {"type": "integer"}}
        }
    return answer


def _schemas() -> Json:
    types: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((one, "validation", TypeAdapter(one)) for one in _REQUESTS),
        *((one, "serialization", TypeAdapter(one)) for one in _ANSWERS),
    ]
    _, definitions = TypeAdapter.json_schemas(types, ref_template=REFS + "{model}")
    schemas: Json = definitions["$defs"]
    return schemas
