"""Settings: what the environment may say, and what it is told when it says it wrongly."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from pool import DEFAULT_DOCKER_HOST, Delivery
from runner.configuration.variables import PREFIX
from runner.environment import SettingsError, read_settings
from runner.settings import LogFormat, Reuse, Settings


def test_nothing_need_be_set(environ: dict[str, str]) -> None:
    """Without any variable the settings are the defaults of the contract."""
    settings = read_settings()

    assert settings.port == 4597
    assert settings.docker_host == DEFAULT_DOCKER_HOST
    assert settings.max_seconds_cap == 20
    assert settings.budget_s == 25
    assert settings.request_max_bytes == 16 * 1024 * 1024
    assert settings.delivery is Delivery.ATTACH
    assert settings.commit_sha == ""


def test_the_environment_is_read(environ: dict[str, str]) -> None:
    """Each setting by its own name; lists are separated by commas."""
    environ.update(
        CYBER_DOJO_RUNNER_PORT="4000",
        CYBER_DOJO_RUNNER_DELIVERY="exec",
        CYBER_DOJO_RUNNER_WARM_IMAGES="a:1, b ,,c@sha256:0",
        DOCKER_HOST="tcp://engine:2375",
        COMMIT_SHA="a1b2c3",
    )
    settings = read_settings()

    assert (settings.port, settings.delivery) == (4000, Delivery.EXEC)
    assert settings.warm_images == ("a:1", "b", "c@sha256:0")
    assert (settings.docker_host, settings.commit_sha) == ("tcp://engine:2375", "a1b2c3")


@pytest.mark.parametrize("written", ["debug", "Debug", "DEBUG"])
def test_a_level_in_any_case(environ: dict[str, str], written: str) -> None:
    """Levels and forms of the log may be written in any case."""
    os.environ["CYBER_DOJO_RUNNER_LOG_LEVEL"] = written
    os.environ["CYBER_DOJO_RUNNER_LOG_FORMAT"] = "Text"

    settings = read_settings()

    assert (settings.log_level, settings.log_format) == ("DEBUG", LogFormat.TEXT)


def test_an_empty_docker_host_is_none(environ: dict[str, str]) -> None:
    """An empty DOCKER_HOST counts as none, as for the docker command."""
    environ["DOCKER_HOST"] = ""

    assert read_settings().docker_host == DEFAULT_DOCKER_HOST


@pytest.mark.parametrize(
    "value",
    [
        "unix:///var/run/docker.sock",
        "tcp://engine:2375",
        "tcp://10.0.0.1:2375/",
        "tcp://[::1]:2375",
        "http://engine",
        "https://engine:2376",
        "http://[::1]",
    ],
)
def test_an_address_of_an_engine(environ: dict[str, str], value: str) -> None:
    """The engine is behind a socket's absolute path, or a host with its port."""
    environ["DOCKER_HOST"] = value

    assert read_settings().docker_host == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CYBER_DOJO_RUNNER_PORT", "x"),
        ("CYBER_DOJO_RUNNER_PORT", "70000"),
        ("CYBER_DOJO_RUNNER_PORT", " "),
        ("CYBER_DOJO_RUNNER_WARM", "-1"),
        ("CYBER_DOJO_RUNNER_DELIVERY", "post"),
        ("CYBER_DOJO_RUNNER_MAX_SECONDS_CAP", "0"),
        ("CYBER_DOJO_RUNNER_BUDGET_S", "nan"),
        ("CYBER_DOJO_RUNNER_BODY_READ_S", "0"),
        ("CYBER_DOJO_RUNNER_LOG_LEVEL", "LOUD"),
        ("CYBER_DOJO_RUNNER_LOG_FORMAT", "xml"),
        ("DOCKER_HOST", "ssh://engine"),
        ("DOCKER_HOST", "/var/run/docker.sock"),
        ("DOCKER_HOST", "unix://"),
        ("DOCKER_HOST", "unix:///"),
        ("DOCKER_HOST", "unix://docker.sock"),
        ("DOCKER_HOST", "unix:///" + "x" * 107),
        ("DOCKER_HOST", "tcp://"),
        ("DOCKER_HOST", "tcp://:2375"),
        ("DOCKER_HOST", "tcp://engine"),
        ("DOCKER_HOST", "tcp://engine:99999"),
        ("DOCKER_HOST", "tcp://engine:0"),
        ("DOCKER_HOST", "tcp://engine:x"),
        ("DOCKER_HOST", "tcp://engine:2375/path"),
        ("DOCKER_HOST", "tcp://me@engine:2375"),
        ("DOCKER_HOST", "tcp://[::1:2375"),
        ("DOCKER_HOST", "http://"),
        ("DOCKER_HOST", "http:///var/run/docker.sock"),
        ("DOCKER_HOST", "https://engine:99999"),
    ],
)
def test_a_wrong_value_is_refused(environ: dict[str, str], name: str, value: str) -> None:
    """One line names the variable that has a wrong value."""
    environ[name] = value
    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["usr/local", "/", "/usr/../etc", "/usr/"])
def test_an_overlay_is_a_folder(environ: dict[str, str], wrong: str) -> None:
    """A folder for overlays is absolute, plain, and not the root."""
    environ[f"{PREFIX}REUSE_OVERLAYS"] = wrong

    with pytest.raises(SettingsError, match=f"{PREFIX}REUSE_OVERLAYS"):
        read_settings()


def test_cells_are_wanted_where_they_can_be_had(environ: dict[str, str]) -> None:
    """Without a setting cells are tried; an operator who wants none says so."""
    assert read_settings().reuse is Reuse.AUTO
    environ[f"{PREFIX}REUSE"] = "never"

    assert read_settings().reuse is Reuse.NEVER


def test_cells_are_for_attach_delivery(environ: dict[str, str]) -> None:
    """Insisting on cells with another delivery is an error; `auto` takes what there is."""
    environ |= {f"{PREFIX}DELIVERY": "exec", f"{PREFIX}REUSE": "auto"}
    assert read_settings().reuse is Reuse.AUTO
    environ[f"{PREFIX}REUSE"] = "cells"

    with pytest.raises(SettingsError, match="REUSE=cells needs"):
        read_settings()


def test_settings_are_frozen() -> None:
    """Settings are read once, and cannot be changed afterwards."""
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_a_replica_has_a_name() -> None:
    """A replica has the name that it is given, or one unlike that of another daemon on its host."""
    assert Settings(replica="blue").replica_name == "blue"
    assert Settings(port=1).replica_name != Settings(port=2).replica_name


@pytest.mark.parametrize(
    "host",
    [
        "a" * 70,
        "a b",
        "runner..lan",
        "[::1]",
        "::g",
        "http://runner",
        "127.0.0.1:4597",
        "caf\u00e9",
    ],
)
def test_an_own_host_that_cannot_be_one_is_refused(environ: dict[str, str], host: str) -> None:
    """The message names the variable; a look-up of such a name would end in a traceback."""
    environ["CYBER_DOJO_RUNNER_HOST"] = host

    with pytest.raises(
        SettingsError, match=r"^CYBER_DOJO_RUNNER_HOST: .*no host can have the name"
    ):
        read_settings()


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "::1", "fe80::1%eth0", "localhost", "my_a"])
def test_an_own_host_that_can_be_one_is_accepted(environ: dict[str, str], host: str) -> None:
    """A host may be an address, a name, or nothing, which is every address."""
    environ["CYBER_DOJO_RUNNER_HOST"] = host

    assert read_settings().host == host


@pytest.mark.parametrize("wrong", ["runner", ":4597", "runner:http", "runner:0", "runner:65536"])
def test_a_sibling_needs_host_and_port(environ: dict[str, str], wrong: str) -> None:
    """The message names the variable and the sibling that lacks host or port."""
    environ["CYBER_DOJO_RUNNER_SIBLINGS"] = f"other:4597,{wrong}"

    with pytest.raises(SettingsError, match=f"^CYBER_DOJO_RUNNER_SIBLINGS: .*'{wrong}'"):
        read_settings()


@pytest.mark.parametrize(
    "host",
    [
        "runner..lan",  # an empty label
        ".runner",
        "runner..",
        "a" * 64,  # a label of over 63 characters
        ".".join(["a" * 63] * 4),  # a name of 255 characters
        "-runner",
        "runner-",
        "run ner",
        "runner/path",
        "http://runner",
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
        "[]",
        "[::1",
        "[::g]",
        "[10.0.0.1]",
        "::1",  # without brackets, the port could be a part of the address
    ],
)
def test_a_sibling_whose_host_cannot_be_one_is_refused(environ: dict[str, str], host: str) -> None:
    """No look-up could ever find it, so the daemon does not start; the message names the host."""
    environ["CYBER_DOJO_RUNNER_SIBLINGS"] = f"{host}:4597,127.0.0.1:4999"

    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert str(caught.value).startswith("CYBER_DOJO_RUNNER_SIBLINGS: ")
    assert f"no host can have the name {host!r}" in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "runner",
        "runner.",  # the root of the DNS may be named
        "tasks.runner",
        "my_service",
        "_runner._tcp.lan",
        "x",
        "RUNNER-2.Lan",
        "10.0.0.1",
        "[::1]",
        "[2001:db8::10.0.0.1]",
        "a" * 63,
        ".".join(["a" * 63] * 3 + ["a" * 61]),  # a name of 253 characters
    ],
)
def test_a_sibling_whose_host_can_be_one_is_accepted(environ: dict[str, str], host: str) -> None:
    """It may be an address, a name of the DNS, or one with an underscore, which Docker allows."""
    environ["CYBER_DOJO_RUNNER_SIBLINGS"] = f"{host}:4597"

    assert read_settings().siblings == (f"{host}:4597",)


def test_siblings(environ: dict[str, str]) -> None:
    """Siblings are names and addresses, IPv6 too."""
    environ["CYBER_DOJO_RUNNER_SIBLINGS"] = "tasks.runner:4597, [::1]:4598"

    assert read_settings().siblings == ("tasks.runner:4597", "[::1]:4598")


class TestSecret:
    """The secret with which siblings sign."""

    def test_it_is_not_shown(self, environ: dict[str, str]) -> None:
        """The secret is neither printed nor logged."""
        environ["CYBER_DOJO_RUNNER_SECRET"] = "sixteen letters!"  # noqa: S105

        assert "sixteen" not in repr(read_settings())

    def test_a_short_one_is_refused(self, environ: dict[str, str]) -> None:
        """A short secret is refused, as it could be guessed."""
        environ["CYBER_DOJO_RUNNER_SECRET"] = "short"  # noqa: S105

        with pytest.raises(SettingsError, match=r"^CYBER_DOJO_RUNNER_SECRET: .*16 characters"):
            read_settings()

    def test_from_a_file(
        self, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The secret is read from a file, as Swarm and Compose hand it out, without the
        end of its line.
        """
        monkeypatch.setattr("runner.environment.SECRETS", tmp_path)
        (tmp_path / "cyber_dojo_runner_secret").write_text("sixteen letters!\n")

        assert read_settings().secret.get_secret_value() == "sixteen letters!"


class TestAllowedImages:
    """Which images clients may name."""

    def test_all_names_unless_some_are_listed(self, environ: dict[str, str]) -> None:
        """Nothing listed allows every name; what is listed allows what begins with it."""
        assert read_settings().allowed.allows("ghcr.io/a/b")
        environ[f"{PREFIX}ALLOWED_IMAGES"] = "cyberdojofoundation, ghcr.io/cyber-dojo-languages"

        assert read_settings().allowed.allows("cyberdojofoundation/gcc_assert")
        assert not read_settings().allowed.allows("ghcr.io/a/b")

    def test_what_begins_no_name_is_refused(self, environ: dict[str, str]) -> None:
        """A prefix that could allow nothing is a mistake, and the message names it."""
        environ[f"{PREFIX}ALLOWED_IMAGES"] = "gcc,ghcr.io/*"

        with pytest.raises(SettingsError, match=rf"^{PREFIX}ALLOWED_IMAGES: .*'ghcr.io/\*"):
            read_settings()

    def test_an_image_to_warm_must_be_allowed(self, environ: dict[str, str]) -> None:
        """An image that no client may name is not kept warm: the settings contradict each other."""
        environ |= {f"{PREFIX}ALLOWED_IMAGES": "gcc", f"{PREFIX}WARM_IMAGES": "gcc:12,ruby"}

        with pytest.raises(SettingsError, match=f"{PREFIX}WARM_IMAGES: .*'ruby'"):
            read_settings()
