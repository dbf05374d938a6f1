"""Reads the settings from the environment of this process, and from the files of secrets."""

import os
from pathlib import Path

from pydantic import AliasChoices, ValidationError
from pydantic.fields import FieldInfo

from runner.configuration.variables import (
    PREFIX,
    UnknownVariableError,
    check_names,
    is_link,
    of_others,
    value_of,
)
from runner.settings import MAY_BE_EMPTY, Settings

# Where Swarm, Compose and Kubernetes put secrets: one file for each, named like the variable.
SECRETS = Path("/run/secrets")


class SettingsError(Exception):
    """A setting is wrong; the message names its variable."""


def read_settings() -> Settings:
    """The settings of this environment.

    Raises SettingsError, with one line that names the variable, if one is wrong or misspelt.
    """
    foreign_variables()
    try:
        return Settings(_secrets_dir=SECRETS if SECRETS.is_dir() else None)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:
            raise SettingsError(first["msg"]) from error
        field = str(first["loc"][0])
        name = field if field.isupper() else f"{PREFIX}{field.upper()}"
        raise SettingsError(f"{name}: {first['msg']}") from error


def variables_in_environment() -> set[str]:
    """The variables that the environment sets, in upper case; most empty ones set nothing."""
    names = {
        name.upper()
        for name, value in os.environ.items()
        if value or name.upper().removeprefix(PREFIX).lower() in MAY_BE_EMPTY
    }
    return names - {f"{PREFIX}PORT"} if is_link(_environment_port()) else names


def foreign_variables() -> list[str]:
    """The variables that begin like settings but belong to other tools; they are passed over.

    A PORT that holds a link is one of them. Raises SettingsError for a misspelt setting, also if it
    is the name of a secret's file, and for one whose value is no text or cannot be read.
    """
    known = {variable_of(name, field) for name, field in Settings.model_fields.items()}
    try:
        others = of_others(os.environ, known)
        secrets = sorted(SECRETS.iterdir()) if SECRETS.is_dir() else []
        check_names((path.name for path in secrets), known)
    except UnknownVariableError as error:
        raise SettingsError(str(error)) from error
    except OSError as error:
        raise SettingsError(f"{SECRETS}: {error.strerror}") from error
    for name, value in os.environ.items():
        if name.upper() in known:
            _check_text(name, value)
    for path in secrets:
        if path.name.upper() in known:
            _check_secret(path)
    return [f"{PREFIX}PORT", *others] if is_link(_environment_port()) else others


def variable_of(name: str, field: FieldInfo) -> str:
    """The variable of a setting: its alias, or its name behind the prefix."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        alias = str(alias.choices[0])
    return str(alias) if alias is not None else f"{PREFIX}{name}".upper()


def _check_text(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise SettingsError(f"{name}: is not UTF-8") from error


def _check_secret(path: Path) -> None:
    """Raise SettingsError for a secret's file that cannot be read.

    Pydantic would pass over such a file with a warning, and the daemon would have no secret.
    """
    name = path.name.upper()
    try:
        if not path.is_file():
            raise SettingsError(f"{name}: {path} is no file")
        if SECRETS.resolve() not in path.resolve().parents:
            raise SettingsError(f"{name}: {path} leads out of {SECRETS}")
        path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{name}: {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: {path} is not UTF-8") from error


def _environment_port() -> str:
    return value_of(f"{PREFIX}PORT", os.environ) or ""
