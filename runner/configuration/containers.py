"""Settings of the engine, and of the containers that runs get."""

import posixpath
from enum import StrEnum

from pydantic import Field, field_validator

from pool import DEFAULT_DOCKER_HOST, Delivery
from runner.configuration.addresses import check_engine
from runner.configuration.allowed_images import AllowedImages
from runner.configuration.lists import Names
from runner.configuration.subject import Subject

# Docker's word for no AppArmor profile at all.
UNCONFINED = "unconfined"


class Reuse(StrEnum):
    """How many runs a container serves. If cells cannot be had, it serves one."""

    NEVER = "never"  # one run
    CELLS = "cells"  # many, each in a cell of its own; an error is logged if cells cannot be had
    AUTO = "auto"  # the same as `cells`, but a warning is logged


class WritableRoots(StrEnum):
    """Whether containers may have a root that is not read-only."""

    AUTO = "auto"  # the containers of images that need it
    NEVER = "never"


class ContainerSettings(Subject):
    """The engine and its containers."""

    docker_host: str = Field(
        DEFAULT_DOCKER_HOST, validation_alias="DOCKER_HOST", description="where the engine answers"
    )
    """where the engine answers: `unix://`, `tcp://`, `http://` or `https://`; client certificates
    are not supported. An address that cannot lead to an engine (no host, no port for `tcp://`, no
    absolute path) is refused at start

    The engine is rootless, behind a proxy, or on another machine.
    """
    docker_config: str = Field(
        "", validation_alias="DOCKER_CONFIG", description="folder of config.json, for logins"
    )
    """the folder of `config.json`, which has the logins of registries for pulls: `auths`,
    `credHelpers` and `credsStore`; see [deploy.md](deploy.md#private-registries)

    Images come from a private registry, and its login is not in the home of the daemon's user.
    """
    delivery: Delivery = Field(Delivery.ATTACH, description="attach or exec")
    """how a run's files get into a container: `attach`, by the container's own stdin; `exec`, by a
    `docker exec` that begins when the container starts

    `dojo-runner doctor` says that only runs by `exec` are answered.
    """
    reuse: Reuse = Field(Reuse.AUTO, description="auto, cells or never: docs/security.md")
    """how many runs a container serves. `auto` and `cells`: many, each in a
    [cell of its own](security.md#cells). If cells cannot be had, each run gets a container of its
    own; with `auto` a warning is logged, with `cells` an error. `never`: one run

    If no container may serve a second run
    ([why one might want that](security.md#why-cells-are-on-by-default)), set `never`.
    """
    reuse_most_runs: int = Field(
        500, ge=1, le=100_000, description="the most runs of one container of cells"
    )
    """the most runs that a container of cells serves. Each container draws a number by chance,
    between three quarters of this and all of it, and is discarded after so many runs, or after an
    hour at the latest

    If what a run may leave behind in a container is to be gone sooner, set fewer.
    """
    reuse_overlays: Names = Field(
        (), description="folders of images that runs in cells may write to, separated by commas"
    )
    """folders of images, separated by commas, that runs in cells may write to. The files are gone
    with the cell. A folder that an image lacks does not matter

    Programs of an image fail in a cell because they write to such a folder.
    """
    writable_roots: WritableRoots = Field(
        WritableRoots.AUTO, description="auto: if an image needs one; or never"
    )
    """whether a container may have a root that is not read-only. `auto`: if its image [needs
    one](security.md#places-to-write-to). `never`: no container has one, and no run is made again on
    a writable root

    If the disk of the engine must not be filled, set `never`. A container's own layer has no limit
    ([security.md](security.md#writable-roots)).
    """
    writable_root_images: Names = Field(
        (), description="beginnings of names, separated by commas: always a writable root"
    )
    """beginnings of images' names, separated by commas, in the form of `ALLOWED_IMAGES`. Such an
    image always has a writable root, and a container for each run

    Runs of an image fail on a read-only root, and the daemon does not notice that by itself.
    """
    read_only_root_images: Names = Field(
        (), description="beginnings of names, separated by commas: never a writable root"
    )
    """beginnings of images' names in the same form. Such an image never has a writable root,
    whatever it needs, even if the setting above names it, too

    The daemon gives an image a writable root that it can do without.
    """
    launcher_image: str = Field(
        "dojo-runner/launcher:latest", description="the image that makes cells and lends networks"
    )
    """the image of the programs that make cells and [lend
    networks](security.md#networks-that-are-lent): `make images IMAGES=launcher`

    The image has another name in your registry. If the node lacks it, the service [brings its
    own](deploy.md#where-ruby-and-the-launcher-come-from).
    """
    network_holders: int | None = Field(
        None, ge=0, le=100, description="the most; empty: as many as runs at once"
    )
    """the most containers that [lend networks](architecture.md#networks-that-are-lent) to
    containers which are started; a start then costs half the CPU. Empty: as many as runs at once.
    0: none, and the engine makes each network

    If no container of the service may have the capabilities SYS_ADMIN and NET_ADMIN, set 0.
    """
    apparmor: str = Field(
        "",
        pattern="^[A-Za-z0-9_./-]*$",
        description="the AppArmor profile of containers of cells; empty: found by trying",
    )
    """the AppArmor profile of containers of cells. Empty: the engine's own, and if that forbids
    cells, `dojo-runner-cells` ([hosts.md](hosts.md)). `unconfined` is Docker's word for none:
    AppArmor is then off for programs in cells, and the log and `dojo-runner doctor` warn of it

    You have a profile of your own for them.
    """
    runtime: str = Field(
        "", description="the runtime of runs, by the engine's name for it; empty: its default"
    )
    """the runtime of runs' containers, by the name that the engine has for it (`crun`, `runsc`);
    empty is the engine's default

    If starts are to cost less CPU, set `crun`; [benchmarks.md](benchmarks.md) has what that saves.
    On a host with AppArmor, first try a kata that calls `kill`: where the distribution's own
    profile for crun is stacked on `docker-default`, signals within a container are refused.
    If runs are to be kept apart by more than the kernel, set `runsc`.
    """
    ruby_image: str = Field(
        "dojo-runner/ruby:latest", description="image that tells colours; has Ruby 2.7 or later"
    )
    """the image in which colours are decided: any image with Ruby 2.7 or later. If the node lacks
    it, [another takes its place](deploy.md#where-ruby-and-the-launcher-come-from)

    Lambdas need another version of Ruby, or the image has another name in your registry.
    """

    @field_validator("docker_host")
    @classmethod
    def _leads_somewhere(cls, value: str) -> str:
        if not value:
            return DEFAULT_DOCKER_HOST
        check_engine(value)
        return value

    @field_validator("writable_root_images", "read_only_root_images")
    @classmethod
    def _can_be_prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        AllowedImages(value)
        return value

    @field_validator("reuse_overlays")
    @classmethod
    def _absolute(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for path in value:
            if not path.startswith("/") or posixpath.normpath(path) != path or path == "/":
                raise ValueError(f"{path!r} is not the absolute path of a folder below /")
        return value
