"""Pulls from a registry that asks for a login, on the real engine."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pool import DockerClient, DockerImages, EngineError, Login
from runner.engine.registry_logins import RegistryLogins

from .registry import PASSWORD, USER, Registry, private_registry
from .token_server import token_server

pytestmark = [pytest.mark.docker, pytest.mark.tools]


IDENTITY_TOKEN = "which docker login has got for a password"  # noqa: S105 - of nobody


@pytest.fixture
async def registry(docker_client: DockerClient, tmp_path: Path) -> AsyncIterator[Registry]:
    """A registry of this test's own."""
    async with private_registry(docker_client, tmp_path) as one:
        yield one


def packed(password: str) -> dict[str, str]:
    """An entry as `docker login` writes it."""
    return {"auth": base64.b64encode(f"{USER}:{password}".encode()).decode()}


async def test_a_pull_without_a_login_is_refused(
    docker_client: DockerClient, registry: Registry
) -> None:
    """A pull without a login fails with the engine's own error, as the registry asks
    for a login.
    """
    with pytest.raises(EngineError, match="no basic auth credentials"):
        await DockerImages(docker_client, {}).pull(registry.image)


async def test_a_login_opens_the_registry(docker_client: DockerClient, registry: Registry) -> None:
    """The image is on the node afterwards, under the name by which it was asked for."""

    async def login_of(image: str) -> Login:
        assert image == registry.image
        return Login(USER, PASSWORD)

    images = DockerImages(docker_client, {}, login_of)
    await images.pull(registry.image)

    assert (await images.image(registry.image)).image_id


@pytest.mark.parametrize("where", ["auths", "helper"])
async def test_the_login_of_dockers_own_file_opens_the_registry(
    docker_client: DockerClient,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    """The right login of Docker's own file counts at once.

    A wrong one is refused, and told to nobody.
    """
    file = tmp_path / "config.json"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    images = DockerImages(docker_client, {}, RegistryLogins(str(tmp_path)).of)
    file.write_text(json.dumps({"auths": {registry.host: packed("a wrong one")}}))

    with pytest.raises(EngineError, match=r"unauthorized|no basic auth") as refusal:
        await images.pull(registry.image)
    assert "a wrong one" not in str(refusal.value)
    config: dict[str, Any] = {"auths": {registry.host: packed(PASSWORD)}}
    if where == "helper":
        config = {"credHelpers": {registry.host: "test"}}
        helper = tmp_path / "docker-credential-test"
        answer = json.dumps({"Username": USER, "Secret": PASSWORD})
        helper.write_text(f"#!/bin/sh\necho '{answer}'\n")
        helper.chmod(0o700)
    file.write_text(json.dumps(config))
    await images.pull(registry.image)

    assert (await images.image(registry.image)).image_id


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        (packed(PASSWORD), "login"),
        ({**packed("a wrong one"), "identitytoken": IDENTITY_TOKEN}, "identity token"),
    ],
    ids=["login", "identity token"],
)
async def test_a_registry_that_wants_tokens(
    docker_client: DockerClient, tmp_path: Path, entry: dict[str, str], asked: str
) -> None:
    """The engine gets the login, or the identity token, and fetches the registry's tokens with it;
    the service itself talks to neither.
    """
    async with (
        token_server(tmp_path, USER, PASSWORD, IDENTITY_TOKEN) as tokens,
        private_registry(docker_client, tmp_path, tokens.config) as registry,
    ):
        logins = RegistryLogins(str(tmp_path))
        images = DockerImages(docker_client, {}, logins.of)
        file = tmp_path / "config.json"
        file.write_text(json.dumps({"auths": {registry.host: packed("a wrong one")}}))
        with pytest.raises(EngineError) as refusal:
            await images.pull(registry.image)
        assert "a wrong one" not in str(refusal.value)

        tokens.asked.clear()
        file.write_text(json.dumps({"auths": {registry.host: entry}}))
        await images.pull(registry.image)

        assert (await images.image(registry.image)).image_id
        assert set(tokens.asked) == {asked}
