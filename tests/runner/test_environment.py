"""Which variables are settings: a misspelt one is refused, and those of others are passed over."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.configuration.variables import PREFIX
from runner.environment import (
    SettingsError,
    foreign_variables,
    read_settings,
    variable_of,
    variables_in_environment,
)
from runner.http.probe import address
from runner.settings import Settings

HOST = f"{PREFIX}HOST"


@pytest.mark.parametrize("name", ["CYBER_DOJO_RUNNER_PROT", "CYBER_DOJO_RUNNER_"])
def test_a_misspelt_setting_is_refused(environ: dict[str, str], name: str) -> None:
    """A misspelt setting is an error, as it would be ignored otherwise and nobody would know."""
    environ[name] = "1"
    with pytest.raises(SettingsError, match=f"^{name} is not a setting"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CYBER_DOJO_RUNNER_PROT", "PORT"),
        ("CYBER_DOJO_RUNNER_WARM_IMAGE", "WARM_IMAGES"),
        ("cyber_dojo_runner_queu", "QUEUE"),
        ("CYBER_DOJO_RUNNER_RUBBY_IMAGE", "RUBY_IMAGE"),
        ("CYBER_DOJO_RUNNER_WARM_MAXIMUM", "WARM_MAX"),
        ("CYBER_DOJO_RUNNER_REPLICA_NAME", "REPLICA"),
        ("CYBER_DOJO_RUNNER_HOST_1", "HOST"),
    ],
)
def test_a_misspelt_setting_is_told_the_nearest(
    environ: dict[str, str], name: str, meant: str
) -> None:
    """The message says which setting was probably meant."""
    environ[name] = "1"

    with pytest.raises(SettingsError, match=f"did you mean {PREFIX}{meant}\\?$"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [("DOCKER_HOST", "DOCKER_HOST"), ("DOCKER_CONFIG", "DOCKER_CONFIG"), ("NO_COLOR", "NO_COLOR")],
)
def test_a_setting_of_everybodys_has_no_prefix(
    environ: dict[str, str], name: str, meant: str
) -> None:
    """A variable of other programs, such as `DOCKER_HOST`, is refused with our
    prefix, which has no effect.
    """
    environ[f"{PREFIX}{name}"] = "tcp://engine:2375"

    with pytest.raises(SettingsError, match=f"did you mean {meant}\\?$"):
        read_settings()


OF_CYBER_DOJO = [
    *("IMAGE", "TAG", "SHA", "DIGEST", "HOSTNAME", "COMMIT_SHA", "BASE_IMAGE", "BASE_TAG"),
    *("CLIENT_PORT", "CLIENT_IMAGE", "CLIENT_USER", "CLIENT_CONTAINER_NAME"),
    *("SERVER_USER", "SERVER_CONTAINER", "STATELESS_SHA", "STATEFUL_TAG", "IMAGE_NAME"),
]
OF_LINKS = [
    *("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "CLIENT_SERVICE_HOST"),
    *("PORT_4597_TCP", "PORT_4597_TCP_PROTO", "PORT_4597_TCP_PORT", "PORT_4597_TCP_ADDR"),
    *("PORT_4597_TCP_START", "PORT_4597_TCP_END", "CLIENT_PORT_9999_UDP_ADDR"),
    *("NAME", "ENV_COMMIT_SHA", "ENV_GEM_HOME", "ENV_lower_case", "ENV_npm.config"),
    *("1_NAME", "1_ENV_COMMIT_SHA", "2_PORT_4597_TCP", "10_PORT_4597_TCP_ADDR", "CLIENT_1_NAME"),
    *("CLIENT_1_ENV_X", "1_SERVICE_HOST", "1_SERVICE_PORT_HTTP", "1_PORT_4597_TCP_PROTO"),
]


@pytest.mark.parametrize("written", [str.upper, str.lower])
@pytest.mark.parametrize("name", [*OF_CYBER_DOJO, *OF_LINKS])
def test_what_others_export_is_passed_over(
    environ: dict[str, str], name: str, written: Callable[[str], str]
) -> None:
    """cyber-dojo's tools and schedulers name variables after the service; they stop no start."""
    variable = written(f"{PREFIX}{name}")
    environ[variable] = "whatever"

    assert read_settings() == Settings(_env_file=None)
    assert foreign_variables() == [variable]


@pytest.mark.parametrize("name", ["SIBLINGS_PORT", "STATELESS_PORT", "METRICS_V2_PORT", "1_PORT"])
def test_an_address_is_a_schedulers(environ: dict[str, str], name: str) -> None:
    """A service that is named like ours and more has its own links, whatever more it is called."""
    environ[f"{PREFIX}{name}"] = "tcp://10.96.0.7:4597"

    assert read_settings() == Settings(_env_file=None)
    assert foreign_variables() == [f"{PREFIX}{name}"]


@pytest.mark.parametrize("link", ["tcp://10.96.0.7:4597", "udp://10.96.0.7:53"])
def test_a_port_that_is_a_link_is_passed_over(environ: dict[str, str], link: str) -> None:
    """Kubernetes writes a service's address where we expect our port; the default holds then."""
    environ[f"{PREFIX}PORT"] = link

    assert read_settings().port == 4597
    assert address()[1] == 4597
    assert foreign_variables() == [f"{PREFIX}PORT"]


@pytest.mark.parametrize(
    "service",
    [
        *("AVATARS", "COMMANDER", "CREATOR", "CUSTOM_START_POINTS", "DASHBOARD", "DIFFER"),
        *("EXERCISES_START_POINTS", "LANGUAGES_START_POINTS", "MODEL", "NGINX", "PULLER"),
        *("REPLER", "SAVER", "SHAS", "STARTER", "VERSIONER", "WEB", "ZIPPER", "PROMETHEUS"),
    ],
)
@pytest.mark.parametrize("end", ["PORT", "IMAGE", "HOSTNAME", "SHA", "SERVICE_HOST"])
def test_other_services_are_nobodys_business(
    environ: dict[str, str], service: str, end: str
) -> None:
    """Only variables that begin like ours are looked at, and the log has none of the others."""
    environ[f"CYBER_DOJO_{service}_{end}"] = "x"

    assert read_settings() == Settings(_env_file=None)
    assert foreign_variables() == []


EVERY_VARIABLE = sorted(variable_of(*setting) for setting in Settings.model_fields.items())


@pytest.mark.parametrize("variable", EVERY_VARIABLE)
def test_an_empty_variable_is_not_set(environ: dict[str, str], variable: str) -> None:
    """A compose file hands out empty variables for what nobody has set: the defaults hold. Only an
    empty host has a meaning of its own, which is every address.
    """
    expected = Settings(host="") if variable == HOST else Settings()

    environ[variable] = ""

    assert read_settings().model_dump() == expected.model_dump()
    assert variables_in_environment() & {*EVERY_VARIABLE} == ({HOST} & {variable})


def test_an_empty_port_is_the_probes_default(environ: dict[str, str]) -> None:
    """A health check asks the port on which the daemon of the same environment listens."""
    environ["CYBER_DOJO_RUNNER_PORT"] = ""

    assert (read_settings().port, address()[1]) == (4597, 4597)


def test_an_empty_variable_hides_no_secrets_file(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files for Compose hand out an empty variable for a secret that comes as a file."""
    monkeypatch.setattr("runner.environment.SECRETS", tmp_path)
    (tmp_path / "cyber_dojo_runner_secret").write_text("sixteen letters!\n")
    environ["CYBER_DOJO_RUNNER_SECRET"] = ""

    assert read_settings().secret.get_secret_value() == "sixteen letters!"


def test_a_port_in_lower_case_is_the_probes_too(environ: dict[str, str]) -> None:
    """A health check asks the port on which the daemon of the same environment listens."""
    environ["cyber_dojo_runner_port"] = "4600"

    assert (read_settings().port, address()[1]) == (4600, 4600)


def test_a_secrets_file_of_a_misspelt_name_is_refused(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start is refused: notices would go unsigned, and nobody would know. What belongs to
    others in that folder stops no start.
    """
    monkeypatch.setattr("runner.environment.SECRETS", tmp_path)
    (tmp_path / "kubernetes.io").mkdir()
    (tmp_path / "cyber_dojo_runner_secert").write_text("sixteen letters!\n")

    with pytest.raises(SettingsError, match=f"did you mean {PREFIX}SECRET\\?$"):
        read_settings()


def secret_that_is_a_folder(path: Path) -> None:
    """What pydantic passes over: the secret is a folder."""
    path.mkdir()


def secret_that_is_no_text(path: Path) -> None:
    """A secret of random bytes."""
    path.write_bytes(b"sixteen letters \xff")


def secret_of_nowhere(path: Path) -> None:
    """A link without an end."""
    path.symlink_to(path)


def secret_of_elsewhere(path: Path) -> None:
    """A link out of the folder, to a secret that would do."""
    elsewhere = path.parents[1] / "elsewhere"
    elsewhere.write_text("sixteen letters!\n")
    path.symlink_to(elsewhere)


@pytest.mark.parametrize(
    "make",
    [secret_that_is_a_folder, secret_that_is_no_text, secret_of_nowhere, secret_of_elsewhere],
)
@pytest.mark.parametrize("name", ["secret", "acts_token"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_secret_that_cannot_be_read_is_refused(
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    make: Callable[[Path], None],
) -> None:
    """The daemon neither starts without the secret, nor ends with a traceback: one line has the
    variable and the file.
    """
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    monkeypatch.setattr("runner.environment.SECRETS", secrets)
    make(secrets / f"cyber_dojo_runner_{name}")

    with pytest.raises(SettingsError, match=f"^{PREFIX}{name.upper()}: {secrets}.* (is|leads)"):
        read_settings()


@pytest.mark.parametrize(
    "name", ["CYBER_DOJO_RUNNER_HOST", "CYBER_DOJO_RUNNER_REPLICA", "COMMIT_SHA", "DOCKER_HOST"]
)
def test_a_value_that_is_no_text_is_refused(environ: dict[str, str], name: str) -> None:
    """A value whose bytes are no text is refused: it can be neither looked up nor logged."""
    environ[name] = os.fsdecode(b"a\xff")

    with pytest.raises(SettingsError, match=f"^{name}: is not UTF-8$"):
        read_settings()


def test_bytes_of_others_stop_no_start(environ: dict[str, str]) -> None:
    """A variable that is no setting may hold anything."""
    environ["CYBER_DOJO_RUNNER_IMAGE"] = environ["MOTTO"] = os.fsdecode(b"a\xff")

    assert read_settings() == Settings(_env_file=None)
