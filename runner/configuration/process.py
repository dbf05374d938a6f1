"""Settings of the daemon's process: where it listens, how it stops, and what it tells operators."""

from enum import StrEnum
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, field_validator

from runner.configuration.addresses import check_own_host
from runner.configuration.subject import Subject
from runner.configuration.tokens import Token
from runner.configuration.variables import is_link

DEFAULT_PORT = 4597


class LogFormat(StrEnum):
    """The form of the log's lines."""

    AUTO = "auto"  # text on a terminal, JSON elsewhere
    JSON = "json"
    TEXT = "text"


class ProcessSettings(Subject):
    """The daemon's process."""

    host: str = Field("127.0.0.1", description="address to listen on")
    """address to listen on

    If other machines or containers are to reach the daemon, set `0.0.0.0`. The service's image does
    so.
    """
    port: int = Field(DEFAULT_PORT, ge=0, le=65535, description="port to listen on")
    """port to listen on

    Another service or a second daemon of this host uses the port. 0 takes a port that is free.
    """
    run_as: str = Field(
        "", pattern="^([0-9]{1,9}:[0-9]{1,9})?$", description="uid:gid to become, if root starts it"
    )
    """user and group, as numbers, that the daemon becomes when root starts it; it keeps the group
    of the engine's socket. If that user could not open the socket by its group, or the socket is
    not there yet, the daemon stays root and logs a warning

    Root starts the daemon without the service's image, or the numbers are somebody else's on the
    host.
    """
    commit_sha: str = Field(
        "", validation_alias=AliasChoices("COMMIT_SHA"), description="what `/sha` answers"
    )
    """what `/sha` answers

    Never by hand: the build argument of this name sets it in the service's image.
    """
    notify_socket: str = Field(
        "", validation_alias="NOTIFY_SOCKET", description="the socket on which systemd listens"
    )
    """the socket on which the daemon tells systemd that it serves or stops

    Never by hand: systemd sets it.
    """
    watchdog_usec: int = Field(
        0, ge=0, validation_alias="WATCHDOG_USEC", description="systemd's wait for a sign of life"
    )
    """how long systemd waits for a sign of life, in microseconds

    Never by hand: systemd sets it, if the unit has `WatchdogSec`.
    """
    otlp_endpoint: str = Field(
        "",
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="base URL of a collector for traces of runs",
    )
    """the base URL of a collector for [traces of runs](operations.md#traces). Needs the extra
    `otel`

    You want to see runs together with the requests that caused them.
    """
    otlp_traces_endpoint: str = Field(
        "",
        validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        description="the same, as a whole URL",
    )
    """the whole URL for traces, instead of the base URL

    The collector takes traces at another path than `/v1/traces`.
    """
    replica: str = Field("", description="this replica's name; the host's name and port if empty")
    """this replica's name, a label on its containers

    Two replicas would have the same name, because the names of their hosts and their ports are the
    same.
    """
    acts_token: Token = Field(
        SecretStr(""), description="a token with which operators may warm and drain images"
    )
    """a token of 16 characters or more, with which operators may warm and drain images over HTTP
    ([operations.md](operations.md#what-to-look-at-first)). Empty: the paths do not exist. It is
    also read from the file `/run/secrets/cyber_dojo_runner_acts_token`

    Operators want to warm an image before a class, by the live page or `dojo-runner warm`.
    """
    linger_s: float = Field(
        0.0, ge=0, le=60, description="seconds after SIGTERM: not ready, but serving"
    )
    """how many seconds after SIGTERM the daemon says that it is not ready, but goes on serving, so
    that load balancers turn away first

    If a load balancer is before the daemon, set more seconds than it has between two checks.
    """
    # By default an engine gives a container 10 s to stop. The rest is for the log's last lines, and
    # for the process's own end: tests/runner/test_stop.py adds all of it up.
    drain_s: float = Field(7.5, ge=0, description="seconds for a stop, after the linger")
    """how long a stop may take once the port is closed, whatever the engine does. Runs under way
    may end until 3 s before its end (below 5 s, until 0.5 s before its half). In the rest the
    daemon answers runs that have not ended, and removes containers. The default fits into the 10 s
    of `docker stop`

    Your scheduler waits longer than 10 s for a stop, as the files in `deploy/` make it do. Then
    more runs can end before the stop is over.
    """
    log_level: str = Field(
        "INFO", pattern="^(TRACE|DEBUG|INFO|WARNING|ERROR)$", description="the least that is logged"
    )
    """`TRACE`, `DEBUG`, `INFO`, `WARNING` or `ERROR`, in upper or lower case. Each run is a line at
    `INFO`, so at `WARNING` the log has only what went wrong

    If a line for each run is too much, set `WARNING`. The metrics count every run in any case.
    """
    log_format: LogFormat = Field(LogFormat.AUTO, description="auto, json or text")
    """the form of the log's lines: `json`, `text` (key=value, for people), or `auto`: text where
    stdout is a terminal, JSON elsewhere. Text has colours on a terminal, unless `NO_COLOR` is set
    to anything

    If people read the log from a file, set `text`.
    """
    no_color: str = Field("", validation_alias="NO_COLOR", description="see no-color.org")
    """anything in it leaves the colours out, of the log and of every command
    ([no-color.org](https://no-color.org))

    Your terminal shows no colours, or you cannot read them.
    """

    @field_validator("host")
    @classmethod
    def _can_be_a_host(cls, value: str) -> str:
        check_own_host(value)
        return value

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
