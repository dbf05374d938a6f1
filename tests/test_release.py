"""What a wheel may hold: the project's own files of its packages, and no others."""

from typing import Any

from scripts.release import PACKAGES, audit, differences, wanted


def test_a_file_too_many_and_a_file_too_few_are_told() -> None:
    """The wheel's own records do not count."""
    packed = {"runner/app.py", "tests/test_app.py", "dojo_runner-1.dist-info/RECORD"}

    assert differences(packed, {"runner/app.py", "runner/container/inside/main.sh"}) == [
        "runner/container/inside/main.sh is missing",
        "tests/test_app.py should not be there",
    ]


def test_what_is_no_code_is_wanted_too() -> None:
    """Scripts, Ruby, style sheets and the marks of types are part of the packages."""
    files = wanted()

    assert {name.split("/")[0] for name in files} == set(PACKAGES)
    assert {"runner/py.typed", "pool/py.typed", "runner/colour/traffic_light.rb"} <= files
    assert {name.rpartition(".")[2] for name in files} >= {"py", "sh", "rb", "css"}


def test_a_package_that_was_passed_over_is_no_audited_one() -> None:
    """An index that knows no package would otherwise look like one that knows no vulnerability."""
    packages: list[dict[str, Any]] = [
        {"name": "sound", "version": "1", "vulns": []},
        {"name": "faulty", "version": "2", "vulns": [{"id": "CVE-1"}]},
        {"name": "unknown", "skip_reason": "not found"},
    ]

    assert audit(packages) == [
        "faulty 2: CVE-1",
        "audited: 2 packages of 3",
        "not audited: 1 packages, which the index does not know",
    ]
