"""All settings together; `configuration` has those of each subject, `environment` reads them."""

import socket
from typing import Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pool import Delivery, Sizes
from runner.configuration.containers import ContainerSettings, Reuse, WritableRoots
from runner.configuration.images import ImageSettings
from runner.configuration.process import DEFAULT_PORT, LogFormat, ProcessSettings
from runner.configuration.replicas import ReplicaSettings
from runner.configuration.requests import MIB, ClientGone, RequestSettings
from runner.configuration.variables import PREFIX
from runner.configuration.warm import WarmSettings

__all__ = ["DEFAULT_PORT", "MIB", "ClientGone", "LogFormat", "Reuse", "Settings", "WritableRoots"]


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
