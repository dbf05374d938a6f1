"""The answers of the API as types, for its document; `wire` and `routes` write the real answers.

Tests hold these types to what a service answers.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from runner.kata import Outcome
from runner.siblings.book import Verdict


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AliveAnswer(_Answer):
    """True as long as the process lives."""

    alive: Literal[True] = Field(alias="alive?")


class ReadyAnswer(_Answer):
    """False while the engine does not answer, and while the service drains.

    It is also false at the start, until it is known whether cells can be had.
    """

    ready: bool = Field(alias="ready?")


class ShaAnswer(_Answer):
    """The commit that the service was built from (COMMIT_SHA in its environment); may be empty."""

    sha: str


class PullAnswer(_Answer):
    """`pulled` if the node has the image. With `pulling` it is being fetched from now on."""

    pull_image: Literal["pulled", "pulling"]


class Text(_Answer):
    """A text of the answer: UTF-8, without the bytes that are not UTF-8."""

    content: str
    truncated: bool = Field(description="whether the content is only the beginning: 51200 bytes")


class Result(_Answer):
    """The result of a run: always these seven keys."""

    stdout: Text
    stderr: Text
    status: str = Field(
        description="the exit status of `bash ./cyber-dojo.sh`, or 141 to 145: pulling, timed out, "
        "machinery failed, output unreadable, no status was returned"
    )
    outcome: Outcome
    log: dict[str, Any] = Field(description="empty when all is well")
    created: dict[str, Text] = Field(description="the first 16 new text files, by name")
    changed: dict[str, Text] = Field(description="the text files that were sent and now differ")


class RunAnswer(_Answer):
    """The answer to a run."""

    run_cyber_dojo_sh: Result


class Refused(_Answer):
    """Why a request was refused."""

    path: str
    body: str = Field(description="the first 50 KiB of the raw text")
    class_name: Literal["Runner"] = Field(alias="class")
    message: str = Field(description="names the field, or the limit")
    backtrace: list[str] = Field(max_length=0, description="empty: nothing leaks")


class RefusalAnswer(_Answer):
    """The error JSON of the contract's paths, and of all unknown paths."""

    exception: Refused


class Problem(_Answer):
    """An error of the operators' paths, as RFC 9457 has it."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str


class VerdictAnswer(_Answer):
    """The receiver's verdict on a notice."""

    verdict: Verdict


class ActAnswer(_Answer):
    """The result of an act."""

    image: str
    target: int = Field(description="how many containers the image's pool means to keep")


class Engine(BaseModel):
    """The engine, as the service sees it."""

    answers: bool
    listening: bool = Field(description="whether the engine tells of changes of images")


class HealthAnswer(BaseModel):
    """The state of the service. docs/api.md tells of every key; later versions may add some."""

    status: Literal["ok", "draining", "engine down", "starting", "no colours"]
    engine: Engine
    replica: str
    version: str
    uptime_s: float
    running: int = Field(description="runs under way")
    queued: int = Field(description="runs that wait for their turn")
    refused: int = Field(description="runs refused so far")
    pulling: list[str]
    limits: dict[str, float] = Field(description="the limits that hold in this process")
    colours: dict[str, Any] = Field(description="whether colours can be told, and how many were")
    images: dict[str, dict[str, Any]] = Field(description="the pools of warm containers, by image")
