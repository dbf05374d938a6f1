"""What the tests of the traffic light share: questions, and the words of its answers."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pool import ContainerSpec, DockerContainers, Tasks
from runner.colour.evaluator import Evaluator
from runner.colour.questions import Colour, ColourFault
from runner.colour.traffic_light import TrafficLight
from tests.reports import unheard
from tests.waiting import eventually

RUBY = "dojo-runner/ruby:latest"
LABEL, OWN = f"dojo-runner.test-light-{uuid.uuid4().hex}", "own"  # no other test run's

EVALING = "exception when eval'ing lambda source"
CALLING = "exception when calling lambda source"
ILLEGAL = "illegal colour; must be one of ['red','amber','green']"

CELLS = 6  # in traffic_light.rb: a lambda that is asked this often has been in every one
HASTY_S = 0.3  # a time limit that tests can wait for
PATIENT_S = 2.0  # one that an honest lambda never reaches

GREEN_IF_OK = '->(stdout, stderr, status) { stdout == "OK" ? :green : :red }'


async def ask(
    light: TrafficLight, source: str, stdout: str = "", stderr: str = "", status: str = "0"
) -> Colour | ColourFault:
    """The answer to a question, with nothing printed and status 0 for what does not matter."""
    return await light.colour(source, stdout, stderr, status)


async def fault(light: TrafficLight, source: str) -> ColourFault:
    """The answer to a question to which only a fault will do."""
    answer = await ask(light, source)
    assert isinstance(answer, ColourFault)
    return answer


async def until_warm(light: TrafficLight) -> None:
    """Start it, and wait until it has answered, which on a busy machine may take long."""
    await eventually(lambda: ask(light, GREEN_IF_OK, "OK"), lambda answer: answer is Colour.GREEN)


async def evaluate(light: TrafficLight, ruby: str) -> Any:
    """What this Ruby, which must have a JSON form of less than 1 KiB, is worth in a lambda."""
    answer = await fault(light, f"->(o, e, s) {{ raise JSON.generate([({ruby})]) }}")
    assert (answer.context, answer.class_) == (CALLING, "RuntimeError"), answer
    return json.loads(answer.message)[0]


@asynccontextmanager
async def evaluator_of(
    docker_containers: DockerContainers, spec: ContainerSpec
) -> AsyncIterator[Evaluator]:
    """An evaluator of exactly this spec; its container is removed whatever the test does."""
    started = await docker_containers.start(spec)
    evaluator = Evaluator(started, 20.0, Tasks(unheard()))
    try:
        yield evaluator
    finally:
        await evaluator.close()
        await docker_containers.remove(evaluator.container_id)


async def running(docker_containers: DockerContainers, whose: str = OWN) -> list[str]:
    """The ids of the containers that a traffic light runs in."""
    listed = await docker_containers.list_containers(f"{LABEL}={whose}")
    return [seen.container_id for seen in listed if seen.state == "running"]
