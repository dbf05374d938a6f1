"""What several of the pool's test modules share beside the fixtures."""

import asyncio
from dataclasses import replace

from pool import ContainerSpec, Delivery, ImagePool, Lease, Sizes

from .conftest import SPEC, MakePool, settle

ECHO = "echo READY; exec cat"
PYTHON = "dojo-runner/python-pytest:latest"
OTHER = replace(SPEC, image="other/image", image_id="sha256:2")
SIZES = Sizes(minimum=0, maximum=10, spare=1, keep_s=600, cool_down_s=30)


def a_spec(
    label: str = "", script: str = ECHO, delivery: Delivery = Delivery.ATTACH
) -> ContainerSpec:
    """A container that runs that script and then does as it is told."""
    return ContainerSpec(
        image=PYTHON,
        image_id=PYTHON,
        command=("bash", "-c", script),
        ready_mark=b"READY\n",
        user="41966:51966",
        delivery=delivery,
        holder=("sleep", "600"),
        holder_user="65534:65534",
        labels={label: "1"} if label else {},
        memory_bytes=256 * 1024 * 1024,
        pids=64,
    )


async def warm_pool(make_pool: MakePool, target: int = 2) -> ImagePool:
    """A pool that has all its containers."""
    pool = make_pool(target=target)
    pool.refill_soon()
    await settle()
    assert pool.warm == target
    return pool


def begin_lease(pool: ImagePool, until: asyncio.Event | None = None) -> asyncio.Task[Lease]:
    """A caller that wants a container, and keeps it until `until` is set."""

    async def caller() -> Lease:
        async with pool.lease() as lease:
            if until is not None:
                await until.wait()
            return lease

    return asyncio.create_task(caller())


async def one_run(pool: ImagePool) -> None:
    """A caller that leases a container and does nothing with it. Raises what the lease raises."""
    async with pool.lease():
        pass


async def until_answered(pool: ImagePool) -> None:
    """Wait until the very tick in which a caller was given a container and is not awake yet."""
    while not pool.leased:  # noqa: ASYNC110 - an event would wake us a tick too late
        await asyncio.sleep(0)
