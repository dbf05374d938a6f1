"""`dojo-runner config`: what holds, and where it comes from."""

import json
from typing import Any

import pytest

from runner import environment
from runner.commands.effective_settings import effective_settings
from runner.settings import Settings
from tests.runner.typed import dojo_runner

SECRET = "sixteen letters!"  # noqa: S105


async def config(**variables: str) -> dict[str, dict[str, Any]]:
    """The settings by their variables, as a program reads them."""
    said = await dojo_runner("config", "--json", **variables)
    assert said.status == 0, said.stderr
    return {one["variable"]: one for one in json.loads(said.stdout)}


async def test_every_setting_is_shown() -> None:
    """`config` has a row for each setting; one that the environment does not name
    has its default.
    """
    found = await config(CYBER_DOJO_RUNNER_WARM_IMAGES="gcc:1, ruby:2")

    assert len(found) == len(Settings.model_fields)
    assert {"DOCKER_HOST", "COMMIT_SHA", "CYBER_DOJO_RUNNER_REUSE"} <= set(found)
    warm = found["CYBER_DOJO_RUNNER_WARM_IMAGES"]
    assert (warm["value"], warm["source"]) == ("gcc:1,ruby:2", "environment")
    queue = found["CYBER_DOJO_RUNNER_QUEUE"]
    assert (queue["value"], queue["source"]) == ("60", "default")
    assert found["DOCKER_HOST"]["source"] == "environment"


async def test_a_secret_is_masked() -> None:
    """No output has it, whoever looks over the operator's shoulder or reads the paste."""
    said = await dojo_runner("config", CYBER_DOJO_RUNNER_SECRET=SECRET)

    assert SECRET not in said.stdout
    assert "CYBER_DOJO_RUNNER_SECRET" in said.stdout
    assert "*****  environment" in said.stdout


async def test_a_login_is_masked() -> None:
    """The URL of a collector may have a password, or a token."""
    found = await config(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://me:sesame@collector:4318",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://collector:4318/v1/traces?key=sesame",
    )

    assert "sesame" not in json.dumps(found)
    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"]["value"] == "http://*****@collector:4318"


async def test_a_port_that_is_a_link_is_none() -> None:
    """Kubernetes writes a link into the variable, and the default holds."""
    found = await config(CYBER_DOJO_RUNNER_PORT="tcp://10.0.0.1:4597")

    port = found["CYBER_DOJO_RUNNER_PORT"]
    assert (port["value"], port["source"]) == ("4597", "default")


def test_a_secret_of_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The source is the file that the secret was read from."""
    file = tmp_path / "CYBER_DOJO_RUNNER_SECRET"
    file.write_text(SECRET)
    monkeypatch.setattr(environment, "SECRETS", tmp_path)
    for name in ("CYBER_DOJO_RUNNER_SECRET", "CYBER_DOJO_RUNNER_PORT"):
        monkeypatch.delenv(name, raising=False)

    [secret] = [one for one in effective_settings() if one.variable == file.name]

    assert (secret.value, secret.source) == ("*****", str(file))


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CYBER_DOJO_RUNNER_QUEU", "1", "did you mean CYBER_DOJO_RUNNER_QUEUE?"),
        ("CYBER_DOJO_RUNNER_QUEUE", "many", "CYBER_DOJO_RUNNER_QUEUE: Input should be"),
    ],
)
async def test_a_wrong_setting_is_one_line(variable: str, value: str, words: str) -> None:
    """One line names the variable that is wrong, and for a misspelt one the nearest name."""
    said = await dojo_runner("config", **{variable: value})

    assert (said.status, said.stdout, said.stderr.count("\n")) == (1, "", 1)
    assert words in said.stderr
