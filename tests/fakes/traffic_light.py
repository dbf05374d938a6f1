"""A traffic light without Ruby: the colour is that of the exit status, whatever the lambda says."""

import asyncio
import json
import re
from typing import Any

from pool import ContainerSpec
from tests.fakes.stream import FakeStream

_READY_MARK = b"dojo-runner traffic light ready\n"


async def status_light(spec: ContainerSpec, stream: FakeStream) -> None:
    """The program of the traffic light: it speaks the frames of colour/traffic_light.rb."""
    stream.say(_READY_MARK)
    while header := await stream.stdin.readline():
        number, kind, length = header.split()
        try:
            question = json.loads(await stream.stdin.readexactly(int(length)))
        except asyncio.IncompleteReadError:
            return
        answer = _colour(question) if kind == b"colour" else _hidden(question)
        body = json.dumps(answer).encode()
        stream.say(b"%s %d\n" % (number, len(body)) + body)


def _colour(question: dict[str, Any]) -> dict[str, Any]:
    return {"colour": {"0": "green", "1": "red"}.get(question["status"], "amber")}


def _hidden(question: dict[str, Any]) -> dict[str, Any]:
    patterns = []
    for index, pattern in enumerate(question["patterns"]):
        try:
            patterns.append(re.compile(pattern))
        except re.error as error:
            return {"bad_pattern": index, "message": str(error)}
    return {
        "hidden": [
            index
            for index, name in enumerate(question["names"])
            if any(pattern.search(name) for pattern in patterns)
        ]
    }
