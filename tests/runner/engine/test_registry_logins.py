"""Logins for registries: which one an image gets, and what is said when there is trouble."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pool import Login
from runner.engine.registry_logins import (
    LARGEST_ANSWER_BYTES,
    LARGEST_FILE_BYTES,
    MOST_READS,
    RegistryLogins,
)

Events = list[dict[str, Any]]
SECRET = "s3cret:with:colons"  # noqa: S105 - of nobody
HUB = "https://index.docker.io/v1/"


def packed(user: str = "me", password: str = SECRET) -> dict[str, str]:
    """An entry as `docker login` writes it."""
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


class Folder:
    """A folder of Docker's settings, and one of programs that is first on the PATH."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logins = RegistryLogins(str(path))

    def write(self, **config: Any) -> None:
        """Replace the file."""
        (self.path / "config.json").write_text(json.dumps(config))

    def helper(self, name: str, script: str) -> None:
        """A credential helper that is a script."""
        program = self.path / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """An empty folder."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Folder(tmp_path)


@pytest.mark.parametrize(
    ("key", "image"),
    [
        (HUB, "gcc"),
        (HUB, "docker.io/library/gcc:13"),
        (HUB, "index.docker.io/me/gcc"),
        ("docker.io", "me/gcc"),
        ("ghcr.io", "ghcr.io/me/gcc:1"),
        ("https://ghcr.io", "ghcr.io/me/gcc"),
        ("http://localhost:5000/v2/", "localhost:5000/gcc"),
        ("10.0.0.1:5000", "10.0.0.1:5000/gcc@sha256:" + "0123456789abcdef" * 4),
    ],
)
async def test_an_image_gets_the_login_of_its_registry(
    folder: Folder, key: str, image: str
) -> None:
    """An image gets the login of the host and port in its name. Docker Hub has a key of its own."""
    folder.write(auths={"other.io": packed("other"), key: packed()})

    assert await folder.logins.of(image) == Login("me", SECRET)


@pytest.mark.parametrize(
    "image", ["gcc", "ghcr.io/me/gcc", "ghcr.io:5000/gcc", "sha256:" + "0" * 64]
)
async def test_a_registry_without_a_login_gets_none(folder: Folder, image: str) -> None:
    """Another registry's login is never sent to it, be it of the same host with another port."""
    folder.write(auths={"ghcr.io:443": packed(), "docker.io.evil.io": packed()})

    assert await folder.logins.of(image) is None


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        ({"username": "me", "password": SECRET}, Login("me", SECRET)),
        ({"identitytoken": SECRET}, Login(identity_token=SECRET)),
        ({**packed("<ignored>"), "identitytoken": SECRET}, Login(identity_token=SECRET)),
        ({}, None),
        ({"email": "me@example.org"}, None),
    ],
)
async def test_each_form_of_an_entry_is_known(
    folder: Folder, entry: dict[str, str], login: Login | None
) -> None:
    """An entry's login may be a password in one word or two, or a token."""
    folder.write(auths={"ghcr.io": entry})

    assert await folder.logins.of("ghcr.io/me/gcc") == login


async def test_a_login_that_was_renewed_counts_at_once(folder: Folder) -> None:
    """The file is read anew for each pull, and one that comes late is found."""
    assert await folder.logins.of("gcc") is None
    for password in ("first", "second"):
        folder.write(auths={HUB: packed(password=password)})
        assert await folder.logins.of("gcc") == Login("me", password)


@pytest.mark.parametrize("setting", ["credHelpers", "credsStore"])
async def test_a_helper_is_asked_with_the_registry_on_stdin(folder: Folder, setting: str) -> None:
    """A credential helper is run with `get` and the registry on its stdin, and its
    answer is the login.
    """
    folder.helper(
        "safe", 'test "$1" = get && printf \'{"Username": "%s", "Secret": "from it"}\' "$(cat)"'
    )
    folder.write(**{setting: "safe" if setting == "credsStore" else {"ghcr.io": "safe"}})

    assert await folder.logins.of("ghcr.io/me/gcc") == Login("ghcr.io", "from it")
    if setting == "credsStore":
        assert await folder.logins.of("gcc") == Login(HUB, "from it")


async def test_a_helper_may_have_a_token(folder: Folder) -> None:
    """A helper says by the user's name that its secret is a token."""
    folder.helper("safe", """echo '{"Username": "<token>", "Secret": "t"}'""")
    folder.write(credsStore="safe")

    assert await folder.logins.of("gcc") == Login(identity_token="t")


@pytest.mark.parametrize(
    "helper", [None, "echo 'credentials not found in native keychain'; exit 1"]
)
async def test_what_a_helper_does_not_have_the_file_may_have(
    folder: Folder, helper: str | None
) -> None:
    """A login that the helper does not have is taken from the file, also if the
    helper is not installed.
    """
    if helper:
        folder.helper("safe", helper)
    folder.write(credsStore="safe", auths={HUB: packed()})

    assert await folder.logins.of("gcc") == Login("me", SECRET)


@pytest.mark.parametrize(
    ("helper", "reason"),
    [
        (f"echo {SECRET}; exit 3", "docker-credential-safe failed with status 3"),
        (f"echo {SECRET}", "docker-credential-safe answered something else than a login"),
        (f"""echo '{{"Secret": "{SECRET}"}}'""", "answered something else than a login"),
        ("yes '[' | head -c 60000 | tr -d '\\n'", "answered something else than a login"),
        (r"""echo '{"Username": "\ud800", "Secret": "s3cret"}'""", "is no text that can be sent"),
        (r"""echo '{"Username": "u", "Secret": "s3cret\ud800"}'""", "is no text that can be sent"),
        ("yes s3cret", f"docker-credential-safe answered over {LARGEST_ANSWER_BYTES} bytes"),
        ("sleep 60 & wait", "docker-credential-safe did not answer within 0.3 s"),
    ],
)
async def test_trouble_with_a_helper_is_one_line_without_a_secret(
    folder: Folder, logs: Events, helper: str, reason: str
) -> None:
    """If a helper fails, the image is pulled without a login, and one line without a
    secret says so.
    """
    folder.helper("safe", helper)
    folder.write(credsStore="safe")
    logins = RegistryLogins(str(folder.path), limit_s=0.3 if "sleep" in helper else 10.0)

    assert await logins.of("gcc") is None
    (event,) = logs
    assert (event["level"], event["registry"]) == ("WARNING", "docker.io")
    assert reason in event["reason"]
    assert "s3cret" not in json.dumps(event)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{{{SECRET}", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"a":' * 100_000, "is not JSON"),
        (f'{{"{SECRET}": {"9" * 10_000}}}', "is not JSON"),
        (json.dumps({"auths": {HUB: {"auth": SECRET + "é"}}}), "not the base64 of user:password"),
        (
            json.dumps({"auths": {HUB: {"auth": "s3cret=\ud800"}}}),
            "not the base64 of user:password",
        ),
        (json.dumps({"auths": {HUB: {"identitytoken": "s3cret\ud800"}}}), "is no text that can be"),
        (
            json.dumps({"auths": {HUB: {"username": "\ud800", "password": SECRET}}}),
            "is no text that",
        ),
        (json.dumps({"auths": {HUB: {"username": "a", "password": "s3cret\udfff"}}}), "is no text"),
        (json.dumps({"auths": {HUB: [SECRET]}}), "an entry of auths is no JSON object"),
        (json.dumps({"credHelpers": {HUB: [SECRET]}}), "helper is malformed"),
        (json.dumps({"credHelpers": {HUB: "\ud800"}}), "helper is malformed"),
        (json.dumps([SECRET]), "is no JSON object"),
        (json.dumps({"auths": [SECRET]}), "auths is no JSON object"),
        (json.dumps({"auths": {HUB: {"auth": SECRET}}}), "not the base64 of user:password"),
        (json.dumps({"credsStore": "../" + SECRET}), "helper is malformed"),
        (json.dumps({"credsStore": "nowhere"}), "docker-credential-nowhere is not on the PATH"),
        (" " * (LARGEST_FILE_BYTES + 1), "is over"),
    ],
)
async def test_trouble_with_the_file_is_one_line_without_a_secret(
    folder: Folder, logs: Events, text: str, reason: str
) -> None:
    """The reason names what is wrong, and nothing that the file holds."""
    (folder.path / "config.json").write_text(text)

    assert await folder.logins.of("gcc") is None
    (event,) = logs
    assert reason in event["reason"]
    assert "s3cret" not in json.dumps(event)


async def test_a_file_that_cannot_be_read_is_said_if_it_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: Events
) -> None:
    """A file of logins that cannot be read is told of only if an operator has chosen it.

    The home of the user who started the daemon may be closed to the user that it became.
    """
    (tmp_path / ".docker/config.json").mkdir(parents=True)  # what even root cannot read as a file
    monkeypatch.setenv("HOME", str(tmp_path))

    assert await RegistryLogins().of("gcc") is None
    assert logs == []
    assert await RegistryLogins(str(tmp_path / ".docker")).of("gcc") is None
    assert "cannot be read" in logs[0]["reason"]


def test_a_login_does_not_show_its_secrets() -> None:
    """The secrets of a login are neither in a log nor in a trace."""
    assert SECRET not in repr(Login("me", SECRET, SECRET))


async def test_a_file_that_cannot_be_read_in_time_gives_no_login(
    folder: Folder, logs: Events
) -> None:
    """A disk may never answer; here the file is a pipe that nobody writes to. Few threads wait."""
    pipe = folder.path / "config.json"
    os.mkfifo(pipe)
    logins = RegistryLogins(str(folder.path), limit_s=0.001)
    try:
        for _ in range(MOST_READS + 2):
            assert await logins.of("gcc") is None
    finally:
        os.close(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))

    late = f"{pipe} cannot be read within 0.001 s"
    too_many = f"{pipe} cannot be read: no earlier read has ended"
    assert [event["reason"] for event in logs] == [late] * MOST_READS + [too_many] * 2
