"""The API as an OpenAPI 3.1 document: which paths there are, what they take, how they answer.

The schemas are those of the types that read requests (wire) and of answers. A test holds the paths
to the routes of the application.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from runner.http import acts, answers, examples, timings, wire
from runner.operators.neighbours import BAD_RUNS
from runner.siblings import notice

Json = dict[str, Any]

_REFS = "#/components/schemas/"
_TOKEN = "token"  # noqa: S105 - the name of a scheme
_JSON, _PROBLEM = "application/json", "application/problem+json"
_TEXT, _HTML, _CSS = "text/plain", "text/html", "text/css"

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

# Why a path of the contract answers with an error. A path that takes no arguments lacks none.
_BODY_ERRORS = {
    400: "The body is not JSON, or no object; arguments are missing or unknown; a file has an "
    "impossible name; a limit on names or on the JSON is exceeded. The message says which.",
    408: "The body did not arrive in time.",
    413: "The body is over the limit.",
    415: "The body has a Content-Encoding.",
    500: "A value has the wrong type or is malformed (the message names the field), or the engine "
    "has failed.",
    503: "There is no room: the queue is full, or there is no memory for the body; or the service "
    "is stopping. Retry-After says when to ask again.",
}
_NOT_ALLOWED = {403: "The operator does not allow this image."}
_NOTICE_ERRORS = {
    400: "The bytes are no notice; the detail names the field.",
    401: "The signature is missing or wrong.",
    408: "The body did not arrive in time.",
    413: "The body is over 4096 bytes.",
    415: "The body has a Content-Encoding.",
    429: "This sender tells too much. Retry-After says when to send again.",
    503: "The service is stopping. Retry-After says when to send again.",
}
_ACT_ERRORS = {
    400: "The detail names the field that is wrong.",
    401: "The token is missing or wrong.",
    403: "The page of another origin may not act, or the operator does not allow this image.",
    404: "This node has no such image, or no pool of it.",
    408: "The body did not arrive in time.",
    413: "The body is over 4096 bytes.",
    415: "The body is not application/json, or has a Content-Encoding.",
    502: "The engine has failed.",
    503: "The service is stopping. Retry-After says when to ask again.",
}
_WITH_RETRY_AFTER = (429, 503)


@dataclass(frozen=True)
class _Route:
    """What a path does. `verbs` of the contract's paths are those that clients use."""

    tag: str
    summary: str
    answer: Json  # by media type
    verbs: tuple[str, ...] = ("get",)
    body: Json | None = None
    status: int = 200
    errors: Mapping[int, str] = field(default_factory=dict)
    error: str = "refusal"  # which form errors have
    about: str = ""
    more: Json = field(default_factory=dict)  # other good answers, by status
    parameters: tuple[Json, ...] = ()
    security: tuple[Json, ...] = ()


@cache
def document(*, has_acts: bool = False) -> Json:
    """The document, with the acts where the operator has turned them on."""
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
        "paths": {path: _path_item(path, route) for path, route in _routes(has_acts).items()},
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {_TOKEN: {"type": "http", "scheme": "bearer"}},
        },
    }


def _routes(has_acts: bool) -> dict[str, _Route]:
    return {**_contract(), **_operators(), **(_acts() if has_acts else {}), **_documents()}


def _contract() -> dict[str, _Route]:
    asks = {
        "/alive": ("Whether the process lives", "AliveAnswer", examples.ALIVE),
        "/ready": ("Whether a run would be taken on", "ReadyAnswer", examples.READY),
        "/sha": ("The commit of the service", "ShaAnswer", examples.SHA),
    }
    verbs = ("get", "post")
    return {
        **{
            path: _Route("contract", summary, _json(model, example), verbs, errors=_BODY_ERRORS)
            for path, (summary, model, example) in asks.items()
        },
        "/pull_image": _Route(
            "contract",
            "Pull an image, or warm one that is here",
            _json("PullAnswer", examples.PULLED),
            verbs,
            _json("PullArguments", examples.PULL),
            errors={**_BODY_ERRORS, **_NOT_ALLOWED},
        ),
        "/run_cyber_dojo_sh": _Route(
            "contract",
            "Run a kata",
            _json("RunAnswer", examples.RAN),
            verbs,
            _json("RunArguments", examples.RUN),
            errors={**_BODY_ERRORS, **_NOT_ALLOWED},
            about="cyber-dojo's web sends this as GET with a body. An answer comes within 26 s. "
            f"Its header {timings.ANSWER_HEADER} tells how long each phase took.",
            parameters=(
                {
                    "name": timings.ASKS_HEADER,
                    "in": "header",
                    "required": False,
                    "description": "1: the phases' times are in the answer's `log`, too",
                    "schema": {"type": "string"},
                },
            ),
        ),
    }


def _operators() -> dict[str, _Route]:
    return {
        "/health": _Route(
            "operators",
            "The state of the service",
            _json("HealthAnswer", examples.HEALTH),
            parameters=(_flag(BAD_RUNS, "whether the latest runs that ended badly are told, too"),),
        ),
        "/livez": _probe("Whether the process lives, for whatever restarts it if it does not"),
        "/readyz": _probe("Whether a run would be taken on, for whatever shares out requests"),
        "/metrics": _Route("operators", "The same for Prometheus", _plain(_TEXT)),
        notice.PATH: _Route(
            "replicas",
            "Tell of takes, so that this replica gets ready for some",
            _json("VerdictAnswer", examples.COUNTED),
            ("post",),
            _json("RefillNotice", examples.NOTICE),
            status=202,
            more={"200": _answer("It does not count.", _json("VerdictAnswer", examples.STALE))},
            errors=_NOTICE_ERRORS,
            error="problem",
            about="A replica's refusals may be slowed down, and its connection closed.",
            parameters=(
                {
                    "name": notice.SIGNATURE_HEADER,
                    "in": "header",
                    "required": False,
                    "description": "`sha256=` and the HMAC-SHA256 of the body in hexadecimal, "
                    "keyed with the secret; needed if one is set",
                    "schema": {"type": "string"},
                },
            ),
        ),
    }


def _probe(summary: str) -> _Route:
    return _Route(
        "operators",
        summary,
        _plain(_TEXT),
        more={"503": _answer("It does not; a line for each condition.", _plain(_TEXT))},
        parameters=(_flag("verbose", "whether each condition has a line although all hold"),),
    )


def _flag(name: str, about: str) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "allowEmptyValue": True,
        "description": about,
        "schema": {"type": "string"},
    }


def _acts() -> dict[str, _Route]:
    asks = {
        acts.WARM: ("Keep containers of an image warm", "WarmAct", examples.WARM),
        acts.DRAIN: ("Remove an image's warm containers", "DrainAct", examples.DRAIN),
    }
    return {
        path: _Route(
            "operators",
            summary,
            _json("ActAnswer", examples.ACTED),
            ("post",),
            _json(model, example),
            errors=_ACT_ERRORS,
            error="problem",
            security=({_TOKEN: []},),
        )
        for path, (summary, model, example) in asks.items()
    }


def _documents() -> dict[str, _Route]:
    return {
        "/openapi.json": _Route(
            "documents", "This document", {_JSON: {"schema": {"type": "object"}}}
        ),
        "/docs": _Route("documents", "A page of this document", _plain(_HTML)),
        "/docs/style.css": _Route("documents", "How that page looks", _plain(_CSS)),
    }


def _path_item(path: str, route: _Route) -> Json:
    return {verb: _operation(path, verb, route) for verb in route.verbs}


def _operation(path: str, verb: str, route: _Route) -> Json:
    name = path.strip("/").replace("/", "_").replace(".", "_")
    operation: Json = {
        "operationId": name if len(route.verbs) == 1 else f"{name}_by_{verb}",
        "tags": [route.tag],
        "summary": route.summary,
        "responses": {
            str(route.status): _answer(HTTPStatus(route.status).phrase, route.answer),
            **route.more,
            **{str(status): _error(status, why, route) for status, why in route.errors.items()},
        },
    }
    if route.about:
        operation["description"] = route.about
    if route.security:
        operation["security"] = list(route.security)
    if route.parameters:
        operation["parameters"] = list(route.parameters)
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": route.body}
    return operation


def _error(status: int, why: str, route: _Route) -> Json:
    if route.error == "problem":
        content = _json("Problem", examples.problem(status), _PROBLEM)
    else:
        content = _json("RefusalAnswer", examples.refusal(status))
    answer = _answer(why, content)
    if status in _WITH_RETRY_AFTER:
        answer["headers"] = {
            "Retry-After": {"description": "seconds", "schema": {"type": "integer"}}
        }
    return answer


def _answer(description: str, content: Json) -> Json:
    return {"description": description, "content": content}


def _json(model: str, example: Any, media_type: str = _JSON) -> Json:
    return {media_type: {"schema": {"$ref": _REFS + model}, "example": example}}


def _plain(media_type: str) -> Json:
    return {media_type: {"schema": {"type": "string"}}}


def _schemas() -> Json:
    types: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((one, "validation", TypeAdapter(one)) for one in _REQUESTS),
        *((one, "serialization", TypeAdapter(one)) for one in _ANSWERS),
    ]
    _, definitions = TypeAdapter.json_schemas(types, ref_template=_REFS + "{model}")
    schemas: Json = definitions["$defs"]
    return schemas
