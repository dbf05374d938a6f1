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
from runner.settings import Settings

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
    """The names of the settings that the environment sets, in upper case."""
    names = {name.upper() for name in os.environ}
    return names - {f"{PREFIX}PORT"} if is_link(_environment_port()) else names


def foreign_variables() -> list[str]:
    """The variables that begin like settings but belong to other tools; they are passed over.

    A PORT that holds a link is one of them. Raises SettingsError for a misspelt setting, also if it
    is the name of a secret's file.
    """
    known = {variable_of(name, field) for name, field in Settings.model_fields.items()}
    try:
        others = of_others(os.environ, known)
        if SECRETS.is_dir():
            check_names((path.name for path in SECRETS.iterdir()), known)
    except UnknownVariableError as error:
        raise SettingsError(str(error)) from error
    return [f"{PREFIX}PORT", *others] if is_link(_environment_port()) else others


def variable_of(name: str, field: FieldInfo) -> str:
    """The variable of a setting: its alias, or its name behind the prefix."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        alias = str(alias.choices[0])
    return str(alias) if alias is not None else f"{PREFIX}{name}".upper()


def _environment_port() -> str:
    return value_of(f"{PREFIX}PORT", os.environ) or ""
