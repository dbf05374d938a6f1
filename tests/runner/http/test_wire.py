"""JSON as clients send and read it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.http import wire
from runner.http.errors import RequestError
from runner.http.file_names import MOST_FILES, files_under_sandbox
from runner.http.json_size import MOST_VALUES
from runner.kata import Code, Kata, Outcome, RunResult, Text

CAP_S = 20.0


def arguments(**manifest: Any) -> dict[str, Any]:
    """The arguments of a run."""
    return {
        "id": "x",
        "files": {"cyber-dojo.sh": "make"},
        "manifest": {"image_name": "gcc", "max_seconds": 10, **manifest},
    }


def kata_of(**manifest: Any) -> Kata:
    """The kata of a run with this manifest."""
    return wire.kata_of(arguments(**manifest), CAP_S)


def refusal_of(body: bytes) -> tuple[int, str]:
    """The status and the message with which these bytes are refused."""
    with pytest.raises(RequestError) as caught:
        wire.kata_of(wire.arguments_of(body), CAP_S)
    return caught.value.status, caught.value.message


def test_a_kata_is_what_was_sent() -> None:
    """Every field of a request is where it belongs."""
    kata = kata_of(rag_lambda="->", hidden_filenames=["a", "b"], display_name="C (gcc)")

    assert kata == Kata("x", "gcc", 10.0, {"cyber-dojo.sh": "make"}, "->", ("a", "b"))


def test_what_may_be_absent_may_be_absent() -> None:
    """No lambda is None, which is not the empty lambda; no hidden files are none."""
    assert (kata_of().rag_lambda, kata_of().hidden_filenames) == (None, ())
    assert kata_of(rag_lambda="").rag_lambda == ""


def test_what_is_too_much_work_is_not_parsed() -> None:
    """The refusal names the limit: the parser, which would call it no object, has not seen it."""
    body = b"[" + b"0," * (MOST_VALUES + 1) + b"0]"

    assert refusal_of(body) == (400, f"body: over the limit of {MOST_VALUES} values")


def test_too_many_names_are_refused_before_their_values() -> None:
    """A request with too many names is refused before their values, each of which
    could cost a message.
    """
    files = {str(number): number for number in range(MOST_FILES + 1)}

    status, message = refusal_of(json.dumps({**arguments(), "files": files}).encode())

    assert (status, message.partition(" names are over")[1]) == (400, " names are over")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rag_lambda": "x" * 262_145}, "rag_lambda: over the limit of 262144 bytes"),
        ({"rag_lambda": "é" * 131_073}, "rag_lambda: over the limit of 262144 bytes"),
        ({"hidden_filenames": ["x"] * 1001}, "hidden_filenames: over the limit of 1000 patterns"),
        (
            {"hidden_filenames": ["x" * 65_000, "é" * 300]},
            "hidden_filenames: over the limit of 65536 bytes for all patterns",
        ),
    ],
)
def test_what_ruby_gets_has_a_greatest_size(fields: dict[str, Any], message: str) -> None:
    """A lambda or patterns larger than any real ones are 400, and the field is named."""
    with pytest.raises(RequestError) as caught:
        kata_of(**fields)

    assert (caught.value.status, caught.value.message) == (400, f"manifest.{message}")


@pytest.mark.parametrize(
    "fields",
    [
        {"rag_lambda": "x" * 262_144},
        {"hidden_filenames": ["x"] * 1000},
        {"hidden_filenames": ["x" * 65_536]},
    ],
)
def test_what_ruby_gets_may_be_as_large(fields: dict[str, Any]) -> None:
    """A limit itself is within it."""
    kata = kata_of(**fields)

    assert kata.rag_lambda == fields.get("rag_lambda")
    assert list(kata.hidden_filenames) == fields.get("hidden_filenames", [])


def test_of_many_unknown_arguments_the_first_are_listed() -> None:
    """Nobody reads a message of megabytes, and it would take the event loop long to write one."""
    names = {f"{number:05}": 1 for number in range(MOST_VALUES - 10)}

    with pytest.raises(RequestError) as caught:
        wire.image_to_pull({"id": "x", "image_name": "gcc", **names})

    assert caught.value.message.startswith('unknown arguments: :"00000", :"00001", ')
    assert len(caught.value.message) < 20_000


@pytest.mark.parametrize(
    ("given_id", "text"),
    [("é'\"\n", "é'\"\n"), (7, "7"), (None, "null"), (["é"], '["é"]'), (1.5, "1.5"), ("", "")],
)
def test_an_id_is_any_text(given_id: Any, text: str) -> None:
    """An id that is no text becomes a text."""
    assert wire.kata_of({**arguments(), "id": given_id}, CAP_S).id == text


@given(st.integers() | st.floats(allow_nan=False) | st.decimals(allow_nan=False).map(str))
def test_any_number_of_seconds_is_clamped(seconds: Any) -> None:
    """Any number is clamped into 1 to the cap; only a text that is no finite number is refused."""
    if isinstance(seconds, str) and "Inf" in seconds:
        with pytest.raises(RequestError):
            kata_of(max_seconds=seconds)
        return
    expected = min(max(float(seconds), 1.0), CAP_S) if abs(float(seconds)) < 1e300 else None
    found = kata_of(max_seconds=seconds).max_seconds

    assert 1.0 <= found <= CAP_S
    assert expected is None or found == expected


def test_a_number_beyond_all_is_clamped() -> None:
    """A number in JSON that no float can hold is infinite, as in Ruby, and so it is clamped."""
    body = json.dumps(arguments()).replace("10", "1e400").encode()

    assert wire.kata_of(wire.arguments_of(body), CAP_S).max_seconds == CAP_S


def test_an_id_is_cut() -> None:
    """An id is cut, because it may be megabytes and is repeated in the log."""
    assert wire.kata_of({**arguments(), "id": "é" * 1_000_000}, CAP_S).id == "é" * wire.LONGEST_ID


@pytest.mark.parametrize(
    "text", ["", " ", "ten", "1 0", "0x10", "1_0", "nan", "inf", "१०", "1e", "--1"]
)
def test_a_text_that_is_no_number_of_seconds_is_refused(text: str) -> None:
    """A text that is no number of seconds is 500, and the message names the field."""
    with pytest.raises(RequestError, match=r"^manifest\.max_seconds: ") as caught:
        kata_of(max_seconds=text)

    assert caught.value.status == 500


def test_the_last_of_two_equal_keys_counts() -> None:
    """Of two equal keys the last counts, as in Ruby."""
    assert wire.arguments_of(b'{"id": 1, "id": 2}') == {"id": 2}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
), max_leaves=10))  # fmt: skip
def test_any_json_is_read_or_refused(value: Any) -> None:
    """An object is read as arguments, all else is refused, and there is no other error."""
    try:
        body = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    if isinstance(value, dict):
        assert wire.arguments_of(body) == value
    else:
        assert refusal_of(body) == (400, "body is not JSON Hash")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "gcc", "10", "cyber-dojo.sh", "é/ü", "../x"]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(
        st.sampled_from(["image_name", "max_seconds", "rag_lambda", "hidden_filenames", "b/c"]),
        inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip


@given(JSON, JSON, JSON)
def test_any_values_make_a_kata_or_a_refusal(kata_id: Any, files: Any, manifest: Any) -> None:
    """A refusal of a value is 400 or 500 and begins with the field; there is no other error."""
    try:
        kata = wire.kata_of({"id": kata_id, "files": files, "manifest": manifest}, CAP_S)
    except RequestError as error:
        refused = (error.status, error.message.partition(":")[0].partition(".")[0])
        assert refused in {(400, "files"), (500, "files"), (500, "manifest")}
    else:
        assert (kata.files, kata.image_name) == (files_under_sandbox(files), manifest["image_name"])


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Any bytes are read or refused as the client's error, and there is no other error."""
    try:
        wire.arguments_of(body)
    except RequestError as error:
        assert error.status == 400  # noqa: PT017 - most bytes are refused, some may not be


@given(st.text())
def test_a_name_of_any_argument_can_be_said(name: str) -> None:
    """A refusal names any argument in one line, as Ruby writes a symbol."""
    with pytest.raises(RequestError) as caught:
        wire.refuse_arguments({name: 1}) if name in ("id", "image_name") else wire.image_to_pull(
            {"id": 1, "image_name": "gcc", name: 1}
        )

    assert "\n" not in caught.value.message


def test_a_result_has_seven_keys() -> None:
    """Every result has the seven keys, in the contract's words."""
    result = RunResult(
        Outcome.TIMED_OUT, Code.TIMED_OUT, Text("é"), Text("", True), {"a": Text("x")}, {}, {"k": 1}
    )

    assert json.loads(wire.answer_of_run("run_cyber_dojo_sh", result)) == {
        "run_cyber_dojo_sh": {
            "stdout": {"content": "é", "truncated": False},
            "stderr": {"content": "", "truncated": True},
            "status": "142",
            "outcome": "timed_out",
            "log": {"k": 1},
            "created": {"a": {"content": "x", "truncated": False}},
            "changed": {},
        }
    }


@given(
    st.dictionaries(st.text(), st.text()),
    st.dictionaries(st.text(), st.text()),
    st.text(),
)
def test_any_texts_can_be_answered(
    created: dict[str, str], changed: dict[str, str], out: str
) -> None:
    """Any texts are answered in one piece of compact JSON."""
    result = RunResult(
        Outcome.GREEN, "0", Text(out), Text(), texts(created), texts(changed), {"a": [1, out]}
    )

    answer = wire.answer_of_run("run_cyber_dojo_sh", result)

    found = json.loads(answer)["run_cyber_dojo_sh"]
    assert (
        answer
        == json.dumps(
            {"run_cyber_dojo_sh": found}, ensure_ascii=False, separators=(",", ":")
        ).encode()
    )
    assert {name: one["content"] for name, one in found["created"].items()} == created
    assert {name: one["content"] for name, one in found["changed"].items()} == changed
    assert (found["stdout"]["content"], found["log"]) == (out, {"a": [1, out]})


def texts(contents: dict[str, str]) -> dict[str, Text]:
    """Texts, of which none is truncated."""
    return {name: Text(content) for name, content in contents.items()}


@pytest.mark.parametrize(
    ("changed", "is_large"),
    [
        ({"a": "x" * 51_200, "b": "y"}, False),
        ({str(number): "x" * 51_200 for number in range(6)}, True),
        ({str(number): "" for number in range(101)}, True),
    ],
)
def test_an_answer_is_large_by_size_or_by_number(changed: dict[str, str], is_large: bool) -> None:
    """An answer with much text or with many files counts as large, and a thread writes it."""
    assert wire.is_large(RunResult(Outcome.GREEN, "0", changed=texts(changed))) == is_large
