"""Examples of requests and answers for the API's document. Tests send the requests to a service."""

from http import HTTPStatus
from typing import Any

_IMAGE = "cyberdojofoundation/python-pytest:latest"

ALIVE = {"alive?": True}
READY = {"ready?": True}
SHA = {"sha": "8d7a3f0c7e2f3a5f1f0f9b6f0b1c2d3e4f5a6b7c"}

PULL = {"id": "34de2W", "image_name": _IMAGE}
PULLED = {"pull_image": "pulled"}

RUN = {
    "id": "34de2W",
    "files": {
        "cyber-dojo.sh": "python3 -m pytest --quiet test_hiker.py\n",
        "hiker.py": "def answer():\n    return 6 * 7\n",
        "test_hiker.py": "from hiker import answer\n\n\ndef test_answer():\n"
        "    assert answer() == 42\n",
    },
    "manifest": {
        "image_name": _IMAGE,
        "max_seconds": 10,
        "rag_lambda": "lambda { |_out, _err, status| status == 0 ? :green : :red }",
        "hidden_filenames": ["coverage/\\.last_run\\.json"],
    },
}
RAN = {
    "run_cyber_dojo_sh": {
        "stdout": {"content": "1 passed in 0.01s\n", "truncated": False},
        "stderr": {"content": "", "truncated": False},
        "status": "0",
        "outcome": "green",
        "log": {},
        "created": {},
        "changed": {},
    }
}

HEALTH = {
    "status": "ok",
    "engine": {"answers": True, "listening": True},
    "replica": "host-1:4597",
    "version": "0.2.0",
    "uptime_s": 3600.5,
    "running": 1,
    "queued": 0,
    "refused": 0,
    "pulling": [],
    "limits": {"runs_at_once": 5, "queued_runs": 60, "program_seconds": 20.0},
    "colours": {"can_be_told": True, "known": 40, "asked": 12, "faulty": 0},
    "images": {_IMAGE: {"warm": 2, "starting": 0, "leased": 1, "target": 2, "mode": "read-only"}},
}

NOTICE = {
    "version": 1,
    "replica": "host-1:4597",
    "image": _IMAGE,
    "takes": 3,
    "told": 2,
    "take_rate": 0.4,
    "fill_rate": 0.3,
    "warm": 2,
    "target": 4,
    "sequence": 1795474376000001,
    "sent_at": 1795474376.25,
}
COUNTED = {"verdict": "counted"}
STALE = {"verdict": "stale"}

WARM = {"image": _IMAGE, "containers": 4}
DRAIN = {"image": _IMAGE}
ACTED = {"image": _IMAGE, "target": 4}

_MESSAGES = {
    400: "missing arguments: :id, :files",
    401: "X-Dojo-Runner-Signature: missing or wrong",
    403: "image_name: not allowed here: 'alpine:latest'",
    404: "image alpine:latest is not on this node",
    408: "body: did not arrive in time",
    413: "body: over the limit of 16777216 bytes",
    415: "Content-Encoding: send the body as it is",
    417: "Expect: the only expectation that can be met is 100-continue",
    429: "more than 20 notices a second from host-1:4597",
    500: "manifest.max_seconds: is not a number",
    502: "the engine does not answer",
    503: "the queue is full (5 running, 60 waiting)",
}


def refusal(status: int) -> dict[str, Any]:
    """An error of the contract's paths."""
    exception = {
        "path": "/run_cyber_dojo_sh",
        "body": "{}",
        "class": "Runner",
        "message": _MESSAGES[status],
        "backtrace": [],
    }
    return {"exception": exception}


def problem(status: int) -> dict[str, Any]:
    """An error of the operators' paths."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": _MESSAGES[status]}
