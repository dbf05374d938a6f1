"""Images that are not as they should be, or that change under a running daemon."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from pool import DockerClient
from tests.daemon_process import Daemon, daemon
from tests.runner.katas import OURS, build, building, count_events
from tests.waiting import eventually

pytestmark = pytest.mark.docker

BASE = "dojo-runner/busybox-bash:latest"
NO_BASH = "dojo-runner/no-bash:latest"
NO_RAG = "dojo-runner/no-rag:latest"
TOOLED = "dojo-runner/tooled-home:latest"


@pytest_asyncio.fixture(scope="module")
async def client() -> AsyncIterator[DockerClient]:
    """A client of the engine."""
    async with building() as client:
        yield client


@pytest_asyncio.fixture(scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, client: DockerClient
) -> AsyncIterator[Daemon]:
    """A daemon for this file, gone before `client` clears up."""
    async with daemon(tmp_path_factory.mktemp("odd"), warm="1", runs_at_once="8") as running:
        yield running


async def remove_image(client: DockerClient, name: str) -> None:
    """Remove an image as `docker rmi -f` does, by a name that may be gone."""
    for image in await client.docker.images.list(filters={"reference": [name]}):
        if name in (image["RepoTags"] or ()):
            await client.docker.images.delete(name, force=True)


async def starts_of(client: DockerClient, replica: str, image_id: str, since_s: float) -> int:
    """How often this daemon has started a container of an image, by the engine's own books."""
    filters = {
        "type": ["container"],
        "event": ["create"],
        "label": [f"dojo-runner.replica={replica}"],
        "image": [image_id],
    }
    return await count_events(client, filters, since_s)


class TestUnfit:
    """What comes of images that lack something."""

    async def test_no_bash(self, running: Daemon) -> None:
        """The answer, the log and /health hold the init's own words."""
        result = await running.run(NO_BASH, "true")

        assert (result["outcome"], result["status"]) == ("faulty", "143")
        assert "exec bash failed: No such file or directory" in result["log"]["reason"]
        assert (result["created"], result["changed"]) == ({}, {})
        health = (await running.health())["images"][NO_BASH]
        assert "exec bash failed: No such file or directory" in health["last_error"]

        [failure, *_] = await running.logged("engine call failed", image=NO_BASH)
        assert "exec bash failed: No such file or directory" in failure["engine_message"]

    async def test_what_cannot_start_is_not_started_again_and_again(
        self, running: Daemon, client: DockerClient
    ) -> None:
        """Runs of an unfit image are answered from memory, save for a try now and then."""
        since_s = time.time()
        image_id = (await client.docker.images.inspect(NO_BASH))["Id"]

        results = [await running.run(NO_BASH, "true") for _ in range(30)]

        assert {result["outcome"] for result in results} == {"faulty"}
        reasons = [result["log"]["reason"] for result in results]
        assert all("exec bash failed: No such file" in reason for reason in reasons)
        # Each pause is twice as long as the one before, from a second on.
        took_s = time.time() - since_s
        tries = await starts_of(client, running.replica, image_id, since_s)
        assert tries <= 3 + took_s / 2

    async def test_no_lambda(self, running: Daemon) -> None:
        """Without a lambda only the colour is missing; all else is real."""
        files = {"cyber-dojo.sh": "echo out; echo err >&2; echo new >new; exit 3"}
        manifest = {"image_name": NO_RAG, "max_seconds": 5}

        answer = await running.ask(
            "run_cyber_dojo_sh", {"id": "id", "files": files, "manifest": manifest}
        )

        result = answer["run_cyber_dojo_sh"]
        assert (result["outcome"], result["status"]) == ("faulty", "3")
        assert result["stdout"]["content"] == "out\n"
        assert result["stderr"]["content"] == "err\n"
        assert result["created"]["new"]["content"] == "new\n"
        assert set(result["log"]) == {"call", "args", "exception"}
        assert result["log"]["exception"]["context"] == (
            "image_name must have /usr/local/bin/red_amber_green.rb file"
        )

    async def test_no_lambda_is_needed_when_one_is_sent(self, running: Daemon) -> None:
        """The manifest's own lambda decides before the image's."""
        result = await running.run(NO_RAG, "exit 0")

        assert result["outcome"] == "green"

    async def test_no_image(self, running: Daemon) -> None:
        """An image that is not on this node is pulled."""
        result = await running.run(f"{OURS}/none:1", "true")

        assert (result["outcome"], result["status"], result["log"]) == ("pulling", "141", {})


@pytest.mark.parametrize("image", ["no-user", "minimal", "busybox-bash", "tooled-home", "gcc"])
async def test_ordinary_colours(running: Daemon, image: str) -> None:
    """Colours are as ever without the user, with next to no tools, or with tools in the home."""
    script = "echo out; echo new >new; echo more >>old; echo x >~/x && exit 1"

    for status, colour in (("0", "green"), ("2", "amber")):
        result = await running.run(f"dojo-runner/{image}:latest", f"exit {status}")
        assert (result["outcome"], result["status"]) == (colour, status)
    result = await running.run(f"dojo-runner/{image}:latest", script, files={"old": "1"})
    assert (result["outcome"], result["stdout"]["content"]) == ("red", "out\n")
    assert list(result["created"]) == ["new"]
    assert list(result["changed"]) == ["old"]


async def test_tools_in_the_home_are_there(running: Daemon) -> None:
    """An image's own home is a writable copy, and /health tells which it is."""
    result = await running.run(TOOLED, "~/.tools/bin/greet && echo x >~/.tools/x && rm ~/.profile")

    assert (result["outcome"], result["stderr"]["content"]) == ("green", "")
    assert (await running.health())["images"][TOOLED]["mode"] == "copied home"


ODD = {
    "entrypoint": 'ENTRYPOINT ["/bin/false"]',
    "shell-entrypoint": "ENTRYPOINT exec sleep 1",
    "command": 'CMD ["/bin/false"]',
    "healthcheck": "HEALTHCHECK --interval=1s CMD kill -9 1; touch /tmp/probed",
    "workdir": "WORKDIR /some/where",
    "user": "USER 0",
    "other-user": "USER 1234:5678",
    "env": "ENV HOME=/odd CYBER_DOJO_ID=odd CYBER_DOJO_SANDBOX=/odd TMPDIR=/odd PS1=odd",
    "posix": "ENV POSIXLY_CORRECT=1",
    "locale": "ENV LC_ALL=tr_TR.UTF-8 LANG=xx",
    "onbuild": "ONBUILD RUN false",
    "volume": "VOLUME /data",
    "our-volumes": 'VOLUME ["/sandbox", "/tmp", "/home/sandbox"]',
    "signal": "STOPSIGNAL SIGKILL\nEXPOSE 80\nLABEL dojo-runner.replica=forged",
}
# Those that leave each other alone go into one image; the long tests try each by itself.
TOGETHER = {
    "entrypoint": ["entrypoint", "other-user", "locale", "onbuild"],
    "shell-entrypoint": ["shell-entrypoint", "healthcheck", "signal", "volume"],
    "command": ["command", "workdir", "user", "env"],
    "posix": ["posix", "our-volumes"],
}


@pytest.mark.parametrize(
    "odd",
    [
        *(pytest.param(names, id=f"with-{name}") for name, names in TOGETHER.items()),
        *(pytest.param([name], id=name, marks=pytest.mark.long) for name in ODD),
    ],
)
async def test_what_an_image_asks_for_is_overruled(
    running: Daemon, client: DockerClient, odd: list[str]
) -> None:
    """Whatever the image says of itself, a program finds what the contract says."""
    name = f"{OURS}/odd-{'-'.join(odd)}:1"
    asked_for = "\n".join(ODD[one] for one in odd)
    await build(client, name, f"FROM {BASE}\n{asked_for}\n")
    try:
        result = await running.run(
            name,
            'id -u; pwd; echo "$HOME $CYBER_DOJO_ID $CYBER_DOJO_SANDBOX"; ls /tmp;'
            " touch ~/x /tmp/y z; exit 1",
        )
        again = await running.run(name, "ls ~ /tmp /sandbox; ls /data 2>/dev/null; exit 1")
    finally:
        await remove_image(client, name)

    assert (result["outcome"], result["status"]) == ("red", "1"), result
    [uid, place, names, *temporary] = result["stdout"]["content"].splitlines()
    assert (uid, place, names) == ("41966", "/sandbox", "/home/sandbox id /sandbox")
    assert "probed" not in temporary
    assert (again["outcome"], again["status"]) == ("red", "1"), again
    assert not {"x", "y", "z"} & set(again["stdout"]["content"].split())


def test_every_odd_thing_is_asked_for() -> None:
    """No odd thing of an image is left to the long tests alone."""
    assert sorted(name for names in TOGETHER.values() for name in names) == sorted(ODD)


async def test_bash_told_to_talk_before_us(running: Daemon, client: DockerClient) -> None:
    """Words that an image's bash prints at its start are for the program's bash only."""
    name = f"{OURS}/odd-greeting:1"
    await build(
        client, name, f"FROM {BASE}\nRUN echo echo welcome >/greeting\nENV BASH_ENV=/greeting\n"
    )
    try:
        result = await running.run(name, "true")
    finally:
        await remove_image(client, name)

    assert (result["status"], result["stdout"]["content"]) == ("0", "welcome\n")
    assert result["log"] == {}


async def test_no_volume_is_left_behind(running: Daemon, client: DockerClient) -> None:
    """Volumes that an image asks for, and copies of homes, go with their containers."""
    name = f"{OURS}/odd-volumes:1"
    await build(client, name, f'FROM {TOOLED}\nVOLUME ["/data", "/more data"]\n')
    try:
        await running.run(name, "echo x >/data/x; true")
        await eventually(
            running.health, lambda health: health["images"].get(name, {}).get("warm") == 1
        )
        volumes = set()
        for seen in await running.containers():
            shown = await client.docker.containers.container(seen.container_id).show()
            volumes |= {mount["Name"] for mount in shown["Mounts"] if mount["Type"] == "volume"}
        assert volumes
    finally:
        await remove_image(client, name)
    await running.settled()

    async def left() -> set[str]:
        listed = await client.docker.volumes.list()  # type: ignore[no-untyped-call]
        kept = {
            mount["Name"]
            for seen in await running.containers()
            for mount in (await client.docker.containers.container(seen.container_id).show())[
                "Mounts"
            ]
            if mount["Type"] == "volume"
        }
        return (volumes & {volume["Name"] for volume in listed["Volumes"] or ()}) - kept

    await eventually(left, lambda names: not names)


async def test_a_removed_image_is_noticed(running: Daemon, client: DockerClient) -> None:
    """After `docker rmi` a run says pulling, and the warm containers go."""
    name = f"{OURS}/goes:1"
    await build(client, name, f"FROM {BASE}\nLABEL goes=1\n")
    assert (await running.run(name, "true"))["outcome"] == "green"
    assert await running.ask("pull_image", {"id": "id", "image_name": name}) == {
        "pull_image": "pulled"
    }

    await remove_image(client, name)

    await outcome_becomes(running, name, "pulling")
    assert await running.ask("pull_image", {"id": "id", "image_name": name}) == {
        "pull_image": "pulling"
    }
    await running.settled()
    assert name not in (await running.health())["images"]


async def outcome_becomes(running: Daemon, image: str, outcome: str) -> dict[str, Any]:
    """Run until the daemon has heard of the change; no other outcome may come in between."""
    seen = await eventually(
        lambda: running.run(image, "true"), lambda result: result["outcome"] != "green"
    )
    assert seen["outcome"] == outcome, seen
    return seen


async def test_a_moved_tag_is_noticed(running: Daemon, client: DockerClient) -> None:
    """When a name means another image, the next run is one of that, though the old one was warm."""
    name = f"{OURS}/moves:1"
    await build(client, name, f"FROM {BASE}\nRUN echo old >/which\n")
    try:
        before = await running.run(name, "cat /which")
        await running.settled()

        await build(client, name, f"FROM {BASE}\nRUN echo new >/which\n")

        after = await eventually(
            lambda: running.run(name, "cat /which"),
            lambda result: result["stdout"]["content"] != "old\n",
        )
        assert before["stdout"]["content"] == "old\n"
        assert (after["outcome"], after["stdout"]["content"]) == ("green", "new\n")
        await running.settled()
    finally:
        await remove_image(client, name)


async def test_a_moved_tag_brings_its_own_lambda(running: Daemon, client: DockerClient) -> None:
    """The lambda is read anew for the image that a name means now."""
    name = f"{OURS}/repaints:1"
    rag = "/usr/local/bin/red_amber_green.rb"
    files = {"cyber-dojo.sh": "true"}
    manifest = {"image_name": name, "max_seconds": 5}

    async def colour() -> Any:
        body = {"id": "id", "files": files, "manifest": manifest}
        return (await running.ask("run_cyber_dojo_sh", body))["run_cyber_dojo_sh"]["outcome"]

    try:
        for wanted in ("red", "green"):
            await build(client, name, f"FROM {BASE}\nRUN echo '->(o,e,s) {{ :{wanted} }}' >{rag}\n")
            await eventually(colour, wanted.__eq__)
    finally:
        await remove_image(client, name)
