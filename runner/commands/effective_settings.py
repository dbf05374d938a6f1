"""The settings as they hold in this environment, and the source of each."""

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from runner import environment
from runner.configuration.addresses import masked
from runner.environment import read_settings, variable_of, variables_in_environment
from runner.settings import Settings

_URLS = ("otlp_endpoint", "otlp_traces_endpoint")  # they may have a password, or a token


@dataclass(frozen=True)
class EffectiveSetting:
    """A setting as it holds: its variable, its value as text (a secret is masked), its source.

    `source` is environment, default, or the file of a secret.
    """

    variable: str
    value: str
    source: str
    meaning: str


def effective_settings() -> list[EffectiveSetting]:
    """All settings of this environment, in the order of Settings. Raises SettingsError."""
    held = read_settings()
    in_environment = variables_in_environment()
    rows = []
    for name, field in Settings.model_fields.items():
        variable = variable_of(name, field)
        value = getattr(held, name)
        if variable in in_environment:
            source = "environment"
        elif name in held.model_fields_set and value != field.default:
            source = str(environment.SECRETS / variable)
        else:
            source = "default"
        rows.append(
            EffectiveSetting(variable, _shown(name, value), source, field.description or "")
        )
    return rows


def _shown(name: str, value: Any) -> str:
    if name in _URLS:
        return masked(value)
    if isinstance(value, SecretStr):
        return "*****" if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value)
