"""An address as it is shown: with neither a login nor a token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.configuration.addresses import masked, masked_within
from runner.environment import SettingsError, read_settings


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("", ""),
        ("http://collector:4318/v1/traces", "http://collector:4318/v1/traces"),
        ("http://me:sesame@collector:4318/v1", "http://*****@collector:4318/v1"),
        ("https://sesame@[::1]:4318", "https://*****@[::1]:4318"),
        ("http://me:ses/@me@collector", "http://*****@collector"),
        ("http://me:ses?ame@collector", "http://*****@collector"),
        ("http://collector/v1?key=sesame", "http://collector/v1?*****"),
        ("http://me:sesame@collector?key=sesame", "http://*****@collector?*****"),
        ("me:sesame@collector:4318", "*****@collector:4318"),
    ],
)
def test_an_address_is_shown_without_a_login(address: str, shown: str) -> None:
    """Where it is not clear what is a password, too much is left out, and never too little."""
    assert masked(address) == shown


@given(st.text(), st.text())
def test_no_login_is_shown_whatever_it_is(before: str, login: str) -> None:
    """Nothing that stands before an @ is shown, but for a scheme."""
    assert masked(f"http://{before}{login}@host") == "http://*****@host"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Connection to host failed", "Connection to host failed"),
        ("why?so", "why?so"),
        ("a@b", "a@b"),
        (
            "exceeded with url: /v1?key=sesame (Caused by x)",
            "exceeded with url: /v1?***** (Caused by x)",
        ),
        ("no 'http://me:sesame@host/a?b=c'", "no 'http://*****@host/a?*****"),
    ],
)
def test_a_librarys_message_is_logged_without_a_login(message: str, shown: str) -> None:
    """Libraries name the URL that they could not reach."""
    assert masked_within(message) == shown


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DOCKER_HOST", "tcp://me:sesame@engine:2375"),
        ("DOCKER_HOST", "http://me:sesame@engine"),
        ("DOCKER_HOST", "tcp://me:sesame@engine"),
        ("CYBER_DOJO_RUNNER_SIBLINGS", "me:sesame@sibling:4597"),
        ("CYBER_DOJO_RUNNER_HOST", "me:sesame@here"),
    ],
)
def test_a_refused_address_is_named_without_its_login(
    environ: dict[str, str], variable: str, value: str
) -> None:
    """The one line at start, which may be logged, has the variable and no password."""
    environ[variable] = value

    with pytest.raises(SettingsError, match=rf"^{variable}: .*\*@") as caught:
        read_settings()

    assert "sesame" not in str(caught.value)
