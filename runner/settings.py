"""All settings together; `configuration` has those of each subject, `environment` reads them."""

import socket
from typing import Any, Self

from pydantic import model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pool import Delivery, Sizes
from runner.configuration.containers import ContainerSettings, Reuse, WritableRoots
from runner.configuration.images import ImageSettings
from runner.configuration.process import DEFAULT_PORT, LogFormat, ProcessSettings
from runner.configuration.replicas import ReplicaSettings
from runner.configuration.requests import MIB, ClientGone, RequestSettings
from runner.configuration.variables import PREFIX
from runner.configuration.warm import WarmSettings

__all__ = ["DEFAULT_PORT", "MIB", "ClientGone", "LogFormat", "Reuse", "Settings", "WritableRoots"]

# An empty host is every address. Every other empty variable counts as not set, because a compose
# file hands out an empty one for what nobody has set.
MAY_BE_EMPTY = ("host",)


class _Environment(EnvSettingsSource):
    """The environment, without the variables that count as not set because they are empty."""

    def __call__(self) -> dict[str, Any]:
        settings = super().__call__()
        return {
            name: value for name, value in settings.items() if value != "" or name in MAY_BE_EMPTY
        }


# Pydantic has the fields of the last class first: so the process comes first, the siblings last.
class Settings(
    ReplicaSettings,
    ImageSettings,
    WarmSettings,
    RequestSettings,
    ContainerSettings,
    ProcessSettings,
    BaseSettings,
):
    """Frozen. A field is read from CYBER_DOJO_RUNNER_<FIELD>, or from its alias if it has one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", defer_build=False
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - of pydantic's signature
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """See pydantic. The first source that has a setting holds."""
        return init_settings, _Environment(settings_cls), dotenv_settings, file_secret_settings

    @model_validator(mode="after")
    def _min_below_max(self) -> Self:
        if self.warm_min > self.warm_max:
            raise ValueError(f"{PREFIX}WARM_MIN is above {PREFIX}WARM_MAX")
        return self

    @model_validator(mode="after")
    def _warm_images_are_allowed(self) -> Self:
        for name in self.warm_images:
            if not self.allowed.allows(name):
                raise ValueError(f"{PREFIX}WARM_IMAGES: no client may name {name!r}")
        return self

    @model_validator(mode="after")
    def _no_writable_root_is_wanted(self) -> Self:
        if self.writable_root_images and self.writable_roots is WritableRoots.NEVER:
            raise ValueError(f"{PREFIX}WRITABLE_ROOT_IMAGES: {PREFIX}WRITABLE_ROOTS is never")
        return self

    @model_validator(mode="after")
    def _cells_need_attach(self) -> Self:
        if self.reuse is Reuse.CELLS and self.delivery is not Delivery.ATTACH:
            raise ValueError(f"{PREFIX}REUSE=cells needs {PREFIX}DELIVERY=attach")
        return self

    @property
    def sizes(self) -> Sizes:
        """How many containers of an image may be kept warm."""
        if self.warm is not None:
            return Sizes(minimum=self.warm, maximum=self.warm, spare=0)
        return Sizes(minimum=self.warm_min, maximum=self.warm_max, spare=self.warm_spare)

    @property
    def otlp_traces_url(self) -> str:
        """Where spans of runs go; empty: nowhere."""
        base = self.otlp_endpoint.rstrip("/")
        return self.otlp_traces_endpoint or (f"{base}/v1/traces" if base else "")

    @property
    def replica_name(self) -> str:
        """This replica's name; by default `host:port`, because a host may have two daemons."""
        return self.replica or f"{socket.gethostname()}:{self.port}"
