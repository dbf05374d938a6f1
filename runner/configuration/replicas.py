"""Settings of the other replicas, the siblings."""

from pydantic import Field, SecretStr, field_validator

from runner.configuration.addresses import check_host_and_port
from runner.configuration.lists import Names
from runner.configuration.subject import Subject
from runner.configuration.tokens import Token


class ReplicaSettings(Subject):
    """Several replicas."""

    siblings: Names = Field((), description="the other replicas as host:port, separated by commas")
    """the other replicas, as `host:port`, separated by commas. Every name is looked up again every
    few seconds, and all of its addresses are siblings (`tasks.runner:4597` on Swarm). A replica's
    own address among them does no harm

    There is more than one replica. Replicas that are siblings warm images for each other.
    """
    siblings_told: int = Field(3, ge=1, le=100, description="how many siblings hear of a take")
    """how many siblings are told of a take. If there are fewer, all are told. All are also told of
    the first take of an image in a minute

    If there are many replicas, and each is to be ready for any image, set more.
    """
    secret: Token = Field(
        SecretStr(""), description="shared with the siblings; with it unsigned notices are refused"
    )
    """a secret shared with the siblings, of 16 characters or more. Notices are signed with it, and
    unsigned ones are refused. It is also read from the file `/run/secrets/cyber_dojo_runner_secret`

    There are siblings, and strangers reach the daemon's port, too. With a secret the daemon takes
    no notice from strangers.
    """

    @field_validator("siblings")
    @classmethod
    def _with_ports(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for sibling in value:
            check_host_and_port(sibling)
        return value
