"""Traffic lights, on the real engine and on scripted ones."""

from collections.abc import AsyncIterator

import pytest

from pool import DockerClient, DockerContainers, DockerImages, Supervisor
from runner.colour.traffic_light import BACK_OFF_S, LIMIT_S, TrafficLight
from tests.fakes import FakeImages
from tests.reports import unheard
from tests.runner.colour.scripted import MakeLight, ScriptedEngine
from tests.runner.colour.support import HASTY_S, LABEL, OWN, PATIENT_S, RUBY, until_warm


@pytest.fixture(scope="session")
def images(docker_client: DockerClient) -> DockerImages:
    """The images of the real engine."""
    return DockerImages(docker_client, {LABEL: "images"})


@pytest.fixture(scope="session")
async def light(
    docker_containers: DockerContainers, images: DockerImages
) -> AsyncIterator[TrafficLight]:
    """A traffic light for all tests that only ask, with the limits of every day."""
    light = TrafficLight(docker_containers, images, RUBY, {LABEL: "shared"}, unheard())
    await until_warm(light)
    yield light
    await light.close()


@pytest.fixture(scope="session")
async def hasty(
    docker_containers: DockerContainers, images: DockerImages
) -> AsyncIterator[TrafficLight]:
    """A traffic light that gives a lambda little time."""
    light = TrafficLight(
        docker_containers, images, RUBY, {LABEL: "hasty"}, unheard(), limit_s=HASTY_S
    )
    await until_warm(light)
    yield light
    await light.close()


@pytest.fixture(scope="session")
async def patient(
    docker_containers: DockerContainers, images: DockerImages
) -> AsyncIterator[TrafficLight]:
    """As `light`; honest lambdas beside greedy ones have time on a busy machine, too."""
    light = TrafficLight(
        docker_containers, images, RUBY, {LABEL: "patient"}, unheard(), limit_s=PATIENT_S
    )
    await until_warm(light)
    yield light
    await light.close()


@pytest.fixture
async def own_light(
    docker_containers: DockerContainers, images: DockerImages
) -> AsyncIterator[TrafficLight]:
    """A traffic light for a test that ends it."""
    light = TrafficLight(docker_containers, images, RUBY, {LABEL: OWN}, unheard())
    yield light
    await light.close()


@pytest.fixture
async def make_light() -> AsyncIterator[MakeLight]:
    """Makes traffic lights on scripted engines, and closes them after the test."""
    lights: list[TrafficLight] = []

    def make(
        engine: ScriptedEngine,
        supervisor: Supervisor | None = None,
        images: FakeImages | None = None,
        limit_s: float = LIMIT_S,
        back_off_s: float = BACK_OFF_S,
    ) -> TrafficLight:
        if images is None:
            images = FakeImages()
            images.add("ruby")
        heard = supervisor or unheard()
        lights.append(
            TrafficLight(engine, images, "ruby", {}, heard, limit_s=limit_s, back_off_s=back_off_s)
        )
        return lights[-1]

    yield make
    for light in lights:
        await light.close()
