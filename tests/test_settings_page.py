"""The page of settings has what the models have."""

import pytest
from pydantic import SecretStr

from runner.environment import variable_of
from runner.settings import Settings
from scripts.settings_page import BEGIN, END, PAGE, Words, default_of, tables, with_tables, words_in

SOURCE = '''
class Colours(Subject):
    """Colours."""

    hue: str = Field("red", description="which")
    """the hue of a light,
    or none

    You prefer `blue`.
    """
'''


def test_the_page_is_up_to_date() -> None:
    """The page tells what the models say now; `make docs` writes it."""
    page = PAGE.read_text()

    assert with_tables(page) == page


def test_every_setting_has_a_row_and_a_few_words() -> None:
    """No subject is forgotten, and `dojo-runner config --json` tells what each setting means."""
    rows = [line.split(" | ")[0] for line in tables().splitlines() if line.startswith("| `")]
    fields = Settings.model_fields

    assert rows == [f"| `{variable_of(name, field)}`" for name, field in fields.items()]
    assert [name for name, field in fields.items() if not field.description] == []


def test_words_stand_below_a_field() -> None:
    """The first paragraph tells what a setting is, the second when to change it."""
    words = Words("the hue of a light, or none", "You prefer `blue`.")

    assert words_in(SOURCE, "Colours") == {"hue": words}


WHEN = "    You prefer `blue`.\n"
ALL_WORDS = SOURCE[SOURCE.index("the hue") - 3 :]


@pytest.mark.parametrize("lacking", [WHEN, ALL_WORDS])
def test_a_setting_without_words_is_an_error(lacking: str) -> None:
    """A setting without words is an error, because its row of the table would have
    an empty place.
    """
    source = SOURCE.replace(lacking, "") + "\n    next: int = 0\n"

    with pytest.raises(ValueError, match="hue: below it must stand"):
        words_in(source, "Colours")


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("X", "", "empty"),
        ("X", SecretStr(""), "empty"),
        ("X", (), "empty"),
        ("X", None, "empty"),
        ("X", False, "`false`"),
        ("X", 0, "`0`"),
        ("X", 15.0, "`15`"),
        ("X", 8.5, "`8.5`"),
        ("X", 3600.0, "`3600`"),
        ("X_BYTES", 16 * 1024 * 1024, "16 MiB"),
        ("CYBER_DOJO_RUNNER_REPLICA", "", "host name and port"),
    ],
)
def test_a_default_is_told_as_operators_write_it(variable: str, value: object, told: str) -> None:
    """A default is told as a value of the environment, or in words where it depends on the host."""
    assert default_of(variable, value) == told


def test_only_what_is_between_the_marks_is_written() -> None:
    """The prose around the tables stays, and a page without marks is an error."""
    assert with_tables(f"a\n{BEGIN}old\n{END}b\n") == f"a\n{BEGIN}{tables()}{END}b\n"
    with pytest.raises(ValueError, match="no place for the settings"):
        with_tables(f"a\n{BEGIN}b\n")
