"""A replica tells its siblings of a take by this message, so that they get ready for the next."""

import hashlib
import hmac
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from pool import IMAGE_NAME_PATTERN, is_well_formed

VERSION = 1
PATH = "/refill"
SIGNATURE_HEADER = "X-Dojo-Runner-Signature"
LARGEST_BYTES = 4096
_MOST = 1000  # takes within a second, siblings, containers: more is a lie or a bug


def _whole(value: Any) -> Any:
    """The integer for a float like 3.0: JSON knows one kind of number, so senders write either."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Whole = Annotated[int, BeforeValidator(_whole)]


class MalformedNoticeError(Exception):
    """These bytes are no notice; the message names the field."""


class RefillNotice(BaseModel):
    """Frozen. A later version may add fields, which are ignored here, but change none.

    - `takes` counts the takes of this image since the sender's last notice about it.
    - `told` is the number of siblings that get this notice. Each of them expects its part of takes.
    - `sequence` grows with every notice of a sender, also across its restarts.
    - `sent_at` is in unix seconds, and rates are per second.
    - `announced` tells that one of the takes has not happened: a client of the sender has pulled
      the image, so that takes will come.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    version: _Whole = Field(VERSION, ge=1)
    replica: str = Field(min_length=1, max_length=200)
    image: str = Field(max_length=500, json_schema_extra={"pattern": IMAGE_NAME_PATTERN})
    takes: _Whole = Field(ge=1, le=_MOST)
    told: _Whole = Field(ge=1, le=_MOST)
    take_rate: float = Field(ge=0)
    fill_rate: float = Field(ge=0)
    warm: _Whole = Field(ge=0)
    target: _Whole = Field(ge=0)
    sequence: _Whole = Field(ge=0, lt=2**63)
    sent_at: float = Field(ge=0)
    announced: bool = False

    @field_validator("image")
    @classmethod
    def _well_formed(cls, value: str) -> str:
        if not is_well_formed(value):
            raise ValueError("malformed image name")
        return value


def parse(body: bytes) -> RefillNotice:
    """The notice in these bytes. Raises MalformedNoticeError."""
    try:
        return RefillNotice.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise MalformedNoticeError(f"{where}: {first['msg']}") from error


def sign(secret: str, body: bytes) -> str:
    """The signature header's value: HMAC-SHA256 of the body, which holds the time of sending."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """Whether the writer of the body knows the secret."""
    # aiohttp gives a header's bytes that are no UTF-8 as halves of surrogate pairs, which cannot be
    # encoded.
    given = signature.encode("utf-8", "replace")
    return hmac.compare_digest(sign(secret, body).encode(), given)
