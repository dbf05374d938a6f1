"""The paths of the API as data: what each is for, what it takes, and how it answers.

`openapi` makes the document of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.http import acts, examples, timings
from runner.http.statuses import ASKS_FOR_TIMINGS
from runner.operators.neighbours import BAD_RUNS
from runner.siblings import notice

Json = dict[str, Any]

REFS = "#/components/schemas/"
TOKEN = "token"  # noqa: S105 - the name of a scheme
_JSON, PROBLEM = "application/json", "application/problem+json"
_TEXT, _HTML, _CSS = "text/plain", "text/html", "text/css"

# The reasons for which a path of the contract answers with an error. Any of them can have a body,
# so all of these apply to a path without arguments, too.
_BODY_ERRORS = {
    400: "The body is not JSON, or no object; arguments are missing or unknown; a file has an "
    "impossible name; a limit on names, lambda, patterns or JSON is exceeded, as the message says.",
    408: "The body did not arrive in time.",
    413: "The body is over the limit.",
    415: "The body has a Content-Encoding.",
    417: "The header Expect asks for something else than 100-continue.",
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
    429: "This sender has sent too many notices. Retry-After says when to send again.",
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


@dataclass(frozen=True)
class PathEntry:
    """A path. The contract's paths take any verb; their `verbs` are those that clients use."""

    tag: str
    summary: str
    answer: Json  # by media type
    verbs: tuple[str, ...] = ("get",)
    body: Json | None = None
    status: int = 200
    errors: Mapping[int, str] = field(default_factory=dict)
    error: str = "refusal"  # the form of its errors: "refusal" or "problem"
    about: str = ""
    more: Json = field(default_factory=dict)  # other good answers, by status
    parameters: tuple[Json, ...] = ()
    security: tuple[Json, ...] = ()


def entries(*, has_acts: bool) -> dict[str, PathEntry]:
    """Every path of the API; the acts only where the operator has turned them on."""
    return {**_contract(), **_operators(), **(_acts() if has_acts else {}), **_documents()}


def _contract() -> dict[str, PathEntry]:
    asks = {
        "/alive": ("Whether the process lives", "AliveAnswer", examples.ALIVE),
        "/ready": ("Whether a run would be taken on", "ReadyAnswer", examples.READY),
        "/sha": ("The commit of the service", "ShaAnswer", examples.SHA),
    }
    verbs = ("get", "post")
    return {
        **{
            path: PathEntry(
                "contract", summary, json_body(model, example), verbs, errors=_BODY_ERRORS
            )
            for path, (summary, model, example) in asks.items()
        },
        "/pull_image": PathEntry(
            "contract",
            "Pull an image, or warm one that is here",
            json_body("PullAnswer", examples.PULLED),
            verbs,
            json_body("PullArguments", examples.PULL),
            errors={**_BODY_ERRORS, **_NOT_ALLOWED},
        ),
        "/run_cyber_dojo_sh": PathEntry(
            "contract",
            "Run a kata",
            json_body("RunAnswer", examples.RAN),
            verbs,
            json_body("RunArguments", examples.RUN),
            errors={**_BODY_ERRORS, **_NOT_ALLOWED},
            about="cyber-dojo's web sends this as GET with a body. By default an answer comes "
            "within 26 s. "
            f"Its header {timings.ANSWER_HEADER} tells how long each phase took.",
            parameters=(
                {
                    "name": ASKS_FOR_TIMINGS,
                    "in": "header",
                    "required": False,
                    "description": "1: the phases' times are in the answer's `log`, too",
                    "schema": {"type": "string"},
                },
            ),
        ),
    }


def _operators() -> dict[str, PathEntry]:
    stale = json_body("VerdictAnswer", examples.STALE)
    return {
        "/health": PathEntry(
            "operators",
            "The state of the service",
            json_body("HealthAnswer", examples.HEALTH),
            parameters=(
                _flag(BAD_RUNS, "if present, the answer has the latest runs that ended badly, too"),
            ),
        ),
        "/livez": _probe("Whether the process lives, for a scheduler that restarts it"),
        "/readyz": _probe("Whether a run would be taken on, for a load balancer"),
        "/metrics": PathEntry("operators", "Metrics for Prometheus", _plain(_TEXT)),
        notice.PATH: PathEntry(
            "replicas",
            "Tell of takes, so that this replica gets ready for some",
            json_body("VerdictAnswer", examples.COUNTED),
            ("post",),
            json_body("RefillNotice", examples.NOTICE),
            status=202,
            more={"200": response("The notice does not count.", stale)},
            errors=_NOTICE_ERRORS,
            error="problem",
            about="The answer to a refused notice may be delayed, and its connection closed.",
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


def _probe(summary: str) -> PathEntry:
    return PathEntry(
        "operators",
        summary,
        _plain(_TEXT),
        more={"503": response("No. There is a line for each condition.", _plain(_TEXT))},
        parameters=(_flag("verbose", "if present, each condition has a line, even if all hold"),),
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


def _acts() -> dict[str, PathEntry]:
    asks = {
        acts.WARM: ("Keep containers of an image warm", "WarmAct", examples.WARM),
        acts.DRAIN: ("Discard an image's warm containers", "DrainAct", examples.DRAIN),
    }
    return {
        path: PathEntry(
            "operators",
            summary,
            json_body("ActAnswer", examples.ACTED),
            ("post",),
            json_body(model, example),
            errors=_ACT_ERRORS,
            error="problem",
            security=({TOKEN: []},),
        )
        for path, (summary, model, example) in asks.items()
    }


def _documents() -> dict[str, PathEntry]:
    return {
        "/openapi.json": PathEntry(
            "documents", "This document", {_JSON: {"schema": {"type": "object"}}}
        ),
        "/docs": PathEntry("documents", "This document as a page", _plain(_HTML)),
        "/docs/style.css": PathEntry("documents", "The style sheet of that page", _plain(_CSS)),
    }


def response(description: str, content: Json) -> Json:
    """One answer of a path, as the document has it; `content` is by media type."""
    return {"description": description, "content": content}


def json_body(model: str, example: Any, media_type: str = _JSON) -> Json:
    """A body of JSON: `model` is the name of its schema."""
    return {media_type: {"schema": {"$ref": REFS + model}, "example": example}}


def _plain(media_type: str) -> Json:
    return {media_type: {"schema": {"type": "string"}}}
