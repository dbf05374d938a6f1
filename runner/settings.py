"""All settings, and what each may be; `environment` reads them."""

import posixpath
import socket
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pool import DEFAULT_DOCKER_HOST, Delivery, Sizes
from runner.configuration.addresses import check_engine, check_host_and_port
from runner.configuration.allowed_images import AllowedImages
from runner.configuration.variables import PREFIX, is_link

MIB = 1024 * 1024
DEFAULT_PORT = 4597
SHORTEST_SECRET = 16


class Reuse(StrEnum):
    """How many runs a container serves. If cells cannot be had, it serves one."""

    NEVER = "never"  # one
    CELLS = "cells"  # many, each in a cell of its own; an error is logged if cells cannot be had
    AUTO = "auto"  # the same, but a warning is logged


class WritableRoots(StrEnum):
    """Whether containers may have a root that is not read-only."""

    AUTO = "auto"  # the containers of images that need it
    NEVER = "never"


class ClientGone(StrEnum):
    """The fate of a run under way whose client has left."""

    END = "end"  # it is given up after a second
    FINISH = "finish"


class LogFormat(StrEnum):
    """The form of the log's lines."""

    AUTO = "auto"  # text on a terminal, JSON elsewhere
    JSON = "json"
    TEXT = "text"


class Settings(BaseSettings):
    """Frozen. A field is read from CYBER_DOJO_RUNNER_<FIELD>, or from its alias if it has one."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(DEFAULT_PORT, ge=0, le=65535)
    docker_host: str = Field(
        DEFAULT_DOCKER_HOST, validation_alias="DOCKER_HOST", description="where the engine answers"
    )
    docker_config: str = Field(
        "", validation_alias="DOCKER_CONFIG", description="folder of config.json, for logins"
    )
    run_as: str = Field(
        "", pattern="^([0-9]{1,9}:[0-9]{1,9})?$", description="uid:gid to become, if root starts it"
    )
    commit_sha: str = Field("", validation_alias=AliasChoices("COMMIT_SHA"))
    notify_socket: str = Field(
        "", validation_alias="NOTIFY_SOCKET", description="the socket on which systemd listens"
    )
    watchdog_usec: int = Field(
        0, ge=0, validation_alias="WATCHDOG_USEC", description="systemd's wait for a sign of life"
    )
    otlp_endpoint: str = Field(
        "",
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="base URL of a collector for traces of runs",
    )
    otlp_traces_endpoint: str = Field(
        "",
        validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        description="the same, as a whole URL",
    )
    replica: str = Field("", description="this replica's name; the host's name and port if empty")
    delivery: Delivery = Field(Delivery.ATTACH, description="attach or exec")
    reuse: Reuse = Field(Reuse.NEVER, description="never, cells or auto: docs/security.md")
    reuse_most_runs: int = Field(500, ge=1, le=100_000, description="of one container of cells")
    reuse_overlays: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="folders of images that runs in cells may write to, separated by commas"
    )
    writable_roots: WritableRoots = Field(
        WritableRoots.AUTO, description="auto: if an image needs one; or never"
    )
    writable_root_images: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="beginnings of names, separated by commas: always a writable root"
    )
    read_only_root_images: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="beginnings of names, separated by commas: never a writable root"
    )
    launcher_image: str = Field(
        "dojo-runner/launcher:latest", description="it makes the cells, and lends networks"
    )
    network_holders: int | None = Field(
        None, ge=0, le=100, description="the most; empty: as many as runs at once"
    )
    apparmor: str = Field(
        "",
        pattern="^[A-Za-z0-9_./-]*$",
        description="the AppArmor profile of containers of cells; empty: found by trying",
    )
    runtime: str = Field("", description="of runs, by the engine's name for it; empty: its default")
    ruby_image: str = Field(
        "dojo-runner/ruby:latest", description="it tells colours: any with Ruby 2.7 or later"
    )
    warm: int | None = Field(None, ge=0, le=100, description="a fixed number for each image")
    warm_min: int = Field(0, ge=0, le=100, description="the fewest of an image that was used")
    warm_max: int = Field(12, ge=0, le=100, description="the most of an image")
    warm_spare: int = Field(2, ge=0, le=100, description="so many more while a group may begin")
    host_containers: int = Field(40, ge=0, le=2000, description="the most of all images together")
    host_memory_mib: int = Field(
        1024, ge=0, description="for all containers; an idle one counts 5 MiB, its shim included"
    )
    forget_s: float = Field(
        3600.0, ge=60, description="an image that nobody wants for so long leaves the books"
    )
    refills_at_once: int = Field(2, ge=1, le=16, description="starts in the background")
    runs_at_once: int = Field(0, ge=0, le=1000, description="0: the number of cores, plus one")
    queue: int = Field(60, ge=0, le=10_000, description="how many more runs may wait")
    warm_images: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="images to warm at start, separated by commas"
    )
    allowed_images: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="beginnings of names that clients may use, separated by commas; empty: any"
    )
    image_ids: bool = Field(False, description="whether clients may name an image by its id")
    pulls_at_once: int = Field(4, ge=1, le=100, description="pulls that go on at the same time")
    pulls_queue: int = Field(
        60, ge=0, le=10_000, description="how many more pulls may wait; others are refused"
    )
    siblings: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="the other replicas as host:port, separated by commas"
    )
    siblings_told: int = Field(3, ge=1, le=100, description="so many siblings hear of a take")
    secret: SecretStr = Field(
        SecretStr(""), description="shared with the siblings; with it unsigned notices are refused"
    )
    acts_token: SecretStr = Field(
        SecretStr(""), description="with it operators may warm and drain images over HTTP"
    )
    max_seconds_cap: float = Field(20.0, ge=1, le=60, description="longest limit of a program")
    budget_s: float = Field(25.0, ge=2, le=120, description="for a request; browsers give up at 30")
    request_max_bytes: int = Field(16 * MIB, ge=MIB, description="the largest body of a request")
    bodies_memory_mib: int = Field(112, ge=1, description="for all bodies that are read or held")
    connections: int = Field(1000, ge=16, le=100_000, description="the most that are open at once")
    connections_per_address: int = Field(800, ge=1, le=100_000, description="the most of one")
    client_gone: ClientGone = Field(ClientGone.END, description="end or finish: its run under way")
    body_read_s: float = Field(15.0, gt=0, description="for the whole of a request's body")
    linger_s: float = Field(
        0.0, ge=0, le=60, description="after SIGTERM: so long not ready, but serving"
    )
    # By default an engine gives a container 10 s to stop; the rest is for the process's own exit.
    drain_s: float = Field(8.5, ge=0, description="for a stop after the linger")
    log_level: str = Field("INFO", pattern="^(TRACE|DEBUG|INFO|WARNING|ERROR)$")
    log_format: LogFormat = Field(LogFormat.AUTO, description="auto, json or text")
    no_color: str = Field("", validation_alias="NO_COLOR", description="see no-color.org")

    @field_validator("port", mode="before")
    @classmethod
    def _no_link(cls, value: Any) -> Any:
        return DEFAULT_PORT if isinstance(value, str) and is_link(value) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("log_format", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("docker_host")
    @classmethod
    def _leads_somewhere(cls, value: str) -> str:
        if not value:
            return DEFAULT_DOCKER_HOST
        check_engine(value)
        return value

    @field_validator(
        "warm_images",
        "allowed_images",
        "siblings",
        "reuse_overlays",
        "writable_root_images",
        "read_only_root_images",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("allowed_images", "writable_root_images", "read_only_root_images")
    @classmethod
    def _can_be_prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        AllowedImages(value)
        return value

    @field_validator("siblings")
    @classmethod
    def _with_ports(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for sibling in value:
            check_host_and_port(sibling)
        return value

    @field_validator("reuse_overlays")
    @classmethod
    def _absolute(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for path in value:
            if not path.startswith("/") or posixpath.normpath(path) != path or path == "/":
                raise ValueError(f"{path!r} is not the absolute path of a folder below /")
        return value

    @field_validator("secret", "acts_token")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        secret = value.get_secret_value().strip()
        if secret and len(secret) < SHORTEST_SECRET:
            raise ValueError(f"must have {SHORTEST_SECRET} characters or more")
        return SecretStr(secret)

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
    def allowed(self) -> AllowedImages:
        """Which images clients and siblings may name."""
        return AllowedImages(self.allowed_images, ids=self.image_ids)

    @property
    def replica_name(self) -> str:
        """This replica's name. By default the port is part of it: a host may have two daemons."""
        return self.replica or f"{socket.gethostname()}:{self.port}"
