"""JSON as clients send and read it. Only this file knows the names of its fields."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, WithJsonSchema
from pydantic_core import from_json

from pool import IMAGE_NAME_PATTERN, LONGEST_IMAGE_NAME, is_well_formed
from runner.http.errors import RequestError
from runner.http.file_names import (
    LONGEST_NAME_BYTES,
    MOST_FILES,
    NAME_PATTERN,
    check_amount,
    files_under_sandbox,
)
from runner.http.json_size import check_work
from runner.kata import Kata, RunResult, Text

# Real lambdas have a few hundred bytes, and an image's own may have as many as this. These limits
# keep the work on a lambda and on patterns, some of which the event loop does, below a millisecond.
LARGEST_LAMBDA_BYTES = 256 * 1024
# Real manifests have a handful of patterns.
MOST_PATTERNS = 1000
MOST_PATTERNS_BYTES = 64 * 1024

# cyber-dojo's ids have 6 characters. An id goes into the log and to the program, so it is bounded.
LONGEST_ID = 4096

_BLANKS = r"[ \t\n\r\f\v]*"
_NUMBER = re.compile(
    rf"{_BLANKS}[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?{_BLANKS}"
)
_RUBY_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*[?!=]?", re.ASCII)

_LONGEST_LIST = 10_000  # characters of names that a message lists; longer messages are cut

_FEW_TEXTS = 100
_FEW_CHARACTERS = 256 * 1024

# The field that may be of one type or another. pydantic names the types behind it, and they mean
# nothing to a client.
_UNION = ("manifest", "max_seconds")

_BAD_REQUEST = 400
_SERVER_ERROR = 500  # the contract's status for wrong types, kept as it is

_M = TypeVar("_M", bound=BaseModel)


_ImageName = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "pattern": IMAGE_NAME_PATTERN, "maxLength": LONGEST_IMAGE_NAME}
    ),
]
_NumberAsText = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": f"^{_NUMBER.pattern}$"})
]
_Files = Annotated[
    dict[str, str],
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "propertyNames": {"pattern": NAME_PATTERN, "maxLength": LONGEST_NAME_BYTES},
            "maxProperties": MOST_FILES,
        }
    ),
]


class _Model(BaseModel):
    """Strict. The descriptions are those of the API's document, see openapi."""

    model_config = ConfigDict(strict=True, frozen=True)


class Manifest(_Model):
    """The part of a start point's manifest that a run needs. Other fields are ignored."""

    # Real manifests have a dozen more fields, which do not matter to a run.
    model_config = ConfigDict(extra="ignore")

    image_name: _ImageName = Field(description="the image to run in")
    max_seconds: int | float | _NumberAsText = Field(
        description="how long the program may run; clamped to 1 .. 20 (the upper end is a setting)"
    )
    # The field may be absent, but not null, so its type is not Optional.
    rag_lambda: str = Field(
        "", description="Ruby that decides the colour; without it the image's own lambda does"
    )
    hidden_filenames: Annotated[list[str], FailFast()] = Field(
        [],
        description="Ruby regular expressions: files whose names match are not returned",
        json_schema_extra={"maxItems": MOST_PATTERNS},
    )


class RunArguments(_Model):
    """The arguments of a run."""

    model_config = ConfigDict(extra="forbid")

    id: Any = Field(description="for logs and for the program's CYBER_DOJO_ID")
    files: _Files = Field(description="texts by their names below /sandbox")
    manifest: Manifest


class PullArguments(_Model):
    """The arguments of a pull."""

    model_config = ConfigDict(extra="forbid")

    id: Any = Field(description="for logs")
    image_name: _ImageName = Field(description="the image to pull and to warm")


def arguments_of(body: bytes | bytearray) -> dict[str, Any]:
    """The JSON object of a request; an empty body is an empty object. Raises RequestError."""
    if not body:
        return {}
    check_work(body)
    try:
        parsed = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise RequestError(_BAD_REQUEST, "body is not JSON") from error
    if not isinstance(parsed, dict):
        raise RequestError(_BAD_REQUEST, "body is not JSON Hash")
    return parsed


def refuse_arguments(arguments: Mapping[str, Any]) -> None:
    """Refuse any arguments, for paths that take none. Raises RequestError."""
    if arguments:
        raise RequestError(_SERVER_ERROR, "wrong number of arguments (given 1, expected 0)")


def kata_of(arguments: Mapping[str, Any], max_seconds_cap: float) -> Kata:
    """The kata that a request describes. Raises RequestError that names the field."""
    _check_names(arguments, ("id", "files", "manifest"))
    if isinstance(arguments["files"], dict):
        # This comes first, because each wrong value below costs a message.
        check_amount(arguments["files"])
    parsed = _validated(RunArguments, arguments)
    manifest = parsed.manifest
    _check_image_name(manifest.image_name, "manifest.image_name")
    _check_sizes(manifest)
    return Kata(
        id=_id_text(arguments["id"]),
        image_name=manifest.image_name,
        max_seconds=min(max(_seconds(manifest.max_seconds), 1.0), max_seconds_cap),
        files=files_under_sandbox(parsed.files),
        rag_lambda=manifest.rag_lambda if "rag_lambda" in manifest.model_fields_set else None,
        hidden_filenames=tuple(manifest.hidden_filenames),
    )


def image_to_pull(arguments: Mapping[str, Any]) -> str:
    """The name of the image to pull. Raises RequestError that names the field."""
    _check_names(arguments, ("id", "image_name"))
    image_name = _validated(PullArguments, arguments).image_name
    _check_image_name(image_name, "image_name")
    return image_name


def answer(name: str, value: Any) -> bytes:
    """`{"<name>":value}` in JSON."""
    return compact({name: value})


def compact(value: Any) -> bytes:
    """JSON without a blank after `:` and `,`, because start-point authors compare the text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def is_large(result: RunResult) -> bool:
    """Whether writing the result's JSON takes more than a few milliseconds."""
    texts = (*result.created.values(), *result.changed.values())
    return len(texts) > _FEW_TEXTS or sum(len(one.content) for one in texts) > _FEW_CHARACTERS


def answer_of_run(name: str, result: RunResult) -> bytes:
    """`{"<name>":result}`, with the seven keys of a run.

    The texts are written one by one, and between two of them another thread gets its turn. So a
    thread that writes a large answer does not hold up the event loop.
    """
    rest = {
        "stdout": _text_of(result.stdout),
        "stderr": _text_of(result.stderr),
        "status": result.status,
        "outcome": result.outcome.value,
        "log": dict(result.log),
    }
    return b'{%b:%b,"created":%b,"changed":%b}}' % (
        compact(name),
        compact(rest)[:-1],
        _texts_of(result.created),
        _texts_of(result.changed),
    )


def _texts_of(texts: Mapping[str, Text]) -> bytes:
    members = (b"%b:%b" % (compact(name), compact(_text_of(one))) for name, one in texts.items())
    return b"{%b}" % b",".join(members)


def _text_of(text: Text) -> dict[str, Any]:
    return {"content": text.content, "truncated": text.truncated}


def _check_names(arguments: Mapping[str, Any], expected: Sequence[str]) -> None:
    missing = [name for name in expected if name not in arguments]
    if missing:
        raise RequestError(_BAD_REQUEST, f"missing {_listed(missing)}")
    unknown = [name for name in arguments if name not in expected]
    if unknown:
        raise RequestError(_BAD_REQUEST, f"unknown {_listed(unknown)}")


def _listed(names: Sequence[str]) -> str:
    """`argument: :x` or `arguments: :x, :y`, as Ruby writes its symbols; the first of many names.

    Names that nobody would read would cost the event loop hundreds of milliseconds.
    """
    symbols: list[str] = []
    length = 0
    for name in names:
        cut = name[:_LONGEST_LIST]
        symbols.append(f":{cut}" if _RUBY_SYMBOL.fullmatch(cut) else f":{json.dumps(cut)}")
        length += len(symbols[-1])
        if length >= _LONGEST_LIST:
            break
    return f"argument{'s' if len(names) > 1 else ''}: {', '.join(symbols)}"


def _validated(model: type[_M], arguments: Mapping[str, Any]) -> _M:
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = first["loc"]
        if path[: len(_UNION)] == _UNION:
            path = _UNION
        where = ".".join(map(str, path))
        raise RequestError(_SERVER_ERROR, f"{where}: {first['msg']}") from error


def _check_image_name(name: str, where: str) -> None:
    if not is_well_formed(name):
        raise RequestError(_SERVER_ERROR, f"{where}: malformed image name {json.dumps(name[:200])}")


def _check_sizes(manifest: Manifest) -> None:
    """Raises RequestError for a lambda or patterns that are larger than any real ones."""
    if _is_over(LARGEST_LAMBDA_BYTES, [manifest.rag_lambda]):
        over = f"over the limit of {LARGEST_LAMBDA_BYTES} bytes"
        raise RequestError(_BAD_REQUEST, f"manifest.rag_lambda: {over}")
    patterns = manifest.hidden_filenames
    if len(patterns) > MOST_PATTERNS:
        over = f"over the limit of {MOST_PATTERNS} patterns"
        raise RequestError(_BAD_REQUEST, f"manifest.hidden_filenames: {over}")
    if _is_over(MOST_PATTERNS_BYTES, patterns):
        over = f"over the limit of {MOST_PATTERNS_BYTES} bytes for all patterns"
        raise RequestError(_BAD_REQUEST, f"manifest.hidden_filenames: {over}")


def _is_over(limit_bytes: int, texts: Sequence[str]) -> bool:
    """Whether the texts have more bytes than that, without encoding what is far too long."""
    characters = sum(len(text) for text in texts)
    return characters > limit_bytes or sum(len(text.encode()) for text in texts) > limit_bytes


def _seconds(value: float | str) -> float:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise RequestError(_SERVER_ERROR, "manifest.max_seconds: is not a number")
    try:
        seconds = float(value)
    except OverflowError:
        return math.inf if value > 0 else 0.0  # type: ignore[operator]  # an int of 400 digits
    if math.isnan(seconds):
        raise RequestError(_SERVER_ERROR, "manifest.max_seconds: is not a number")
    return seconds


def _id_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:LONGEST_ID]
