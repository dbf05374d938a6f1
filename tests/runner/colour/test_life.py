"""Starting and closing a traffic light, and questions that nobody waits for any more."""

import asyncio
from typing import Any

import pytest

from pool import DockerContainers, DockerImages
from runner.colour.questions import Colour, ColourFault
from runner.colour.traffic_light import TrafficLight
from tests.reports import unheard
from tests.runner.colour.support import (
    CALLING,
    GREEN_IF_OK,
    LABEL,
    OWN,
    ask,
    fault,
)

pytestmark = pytest.mark.docker


class TestLife:
    """Starting, stopping, and questions that nobody waits for any more."""

    async def test_start_does_not_wait(self, own_light: TrafficLight) -> None:
        """Starting, once or twice, takes but a moment, and the first question waits for its end."""
        own_light.start()
        own_light.start()

        assert await ask(own_light, GREEN_IF_OK, "OK") is Colour.GREEN

    async def test_close_leaves_nothing_behind(
        self, own_light: TrafficLight, docker_containers: DockerContainers
    ) -> None:
        """After close, twice or not, no container and no task is left, and questions fail."""
        before = asyncio.all_tasks()
        own_light.start()
        await ask(own_light, GREEN_IF_OK)

        await own_light.close()
        await own_light.close()

        assert await docker_containers.list_containers(f"{LABEL}={OWN}") == []
        assert asyncio.all_tasks() <= before
        assert (await fault(own_light, GREEN_IF_OK)).class_ == "Closed"

    async def test_close_while_starting(
        self, own_light: TrafficLight, docker_containers: DockerContainers
    ) -> None:
        """A start that is under way is undone, and the question that waits for it gets a fault."""
        waiting = asyncio.create_task(ask(own_light, GREEN_IF_OK))
        own_light.start()
        await asyncio.wait([waiting], timeout=0.1)

        await own_light.close()

        answer = await waiting
        assert isinstance(answer, ColourFault)
        assert answer.class_ == "Closed"
        assert await docker_containers.list_containers(f"{LABEL}={OWN}") == []

    async def test_close_with_open_questions(self, own_light: TrafficLight) -> None:
        """Questions that are open at close get a fault at once."""
        await ask(own_light, GREEN_IF_OK)
        waiting = asyncio.create_task(ask(own_light, "->(o, e, s) { sleep }"))
        await ask(own_light, GREEN_IF_OK)

        await own_light.close()

        answer = await waiting
        assert isinstance(answer, ColourFault)
        assert answer.class_ == "Closed"

    async def test_a_cancelled_question_is_forgotten(self, own_light: TrafficLight) -> None:
        """The answer to a cancelled question is dropped, and its place is free."""
        await ask(own_light, GREEN_IF_OK)
        cancelled = [
            asyncio.create_task(ask(own_light, "->(o, e, s) { sleep 0.1; :red }")) for _ in range(4)
        ]
        await asyncio.wait(cancelled, timeout=0.01)
        for task in cancelled:
            task.cancel()
        await asyncio.wait(cancelled)

        answers = await asyncio.gather(*(ask(own_light, GREEN_IF_OK, "OK") for _ in range(8)))

        assert answers == [Colour.GREEN] * 8
        assert all(task.cancelled() for task in cancelled)

    async def test_a_missing_image_is_told_in_the_engines_words(
        self, docker_containers: DockerContainers, images: DockerImages, logs: list[dict[str, Any]]
    ) -> None:
        """Without its image every question gets a fault that says so, and the log has one line."""
        name = "dojo-runner/no-such-image:latest"
        light = TrafficLight(docker_containers, images, name, {LABEL: OWN}, unheard(), back_off_s=0)
        light.start()

        answers = [await fault(light, GREEN_IF_OK) for _ in range(3)]

        await light.close()

        for answer in answers:
            assert (answer.context, answer.class_) == (CALLING, "EngineError")
            assert f"no such image: {name}" in answer.message.lower()
        assert len([event for event in logs if "no such image" in event["message"].lower()]) == 1

    async def test_an_image_without_ruby_is_told_in_the_engines_words(
        self, docker_containers: DockerContainers, images: DockerImages
    ) -> None:
        """What the engine says of a failed start is in the fault."""
        light = TrafficLight(
            docker_containers, images, "dojo-runner/base:latest", {LABEL: OWN}, unheard()
        )

        answer = await fault(light, GREEN_IF_OK)

        await light.close()
        assert answer.class_ == "EngineError"
        assert "ruby" in answer.message
