"""A report follows from the measurements."""

from pathlib import Path

import pytest

from bench import cpu, pictures, results
from bench.katas import HARVESTED, TRUE, UNHARVESTED, WORKLOADS, Answer, WrongAnswerError
from bench.load import Press
from bench.report import BEGIN, END, replaced, section, tables
from bench.results import CLASS, Found, Result, p50
from bench.ways import CELLS, DOCKER_RUN, LIMIT, MISS, TITLES, WARM


def found_cell(
    result: Result, way: str, workload: str, at_once: int, *took_ms: float, busy_s: float = 1.0
) -> None:
    """A second in which these runs ended."""
    presses = [Press(0, took / 1000, "ok") for took in took_ms]
    takes = (len(took_ms), 0) if way in (WARM, CELLS) else None
    result.cell(way, workload, at_once).add(presses, cpu.Reading(1.0, busy_s, 0.1), 1.0, takes, 0.1)


@pytest.fixture
def result() -> Result:
    """Medians of 10, 16, 20 and 400 ms one at a time, and twice as much four at a time."""
    made = Result("--quick", "abc1234", "2 cores", 0.1)
    for at_once in (1, 4):
        for way, alone_ms in ((LIMIT, 10), (CELLS, 16), (MISS, 20), (DOCKER_RUN, 400)):
            took_ms = alone_ms if at_once == 1 else 2 * alone_ms
            found_cell(made, way, TRUE.name, at_once, took_ms, took_ms, 3 * took_ms)
    return made


def text_of(result: Result) -> str:
    """The section of the document that a report fills."""
    return section(Found([result]))


def test_ratios_are_of_medians_within_the_run(result: Result) -> None:
    """The report says how far medians are from the limit, and how much faster than docker run."""
    found = Found([result])

    assert found.ratio(p50, CELLS, LIMIT, TRUE.name, 1) == pytest.approx(1.6)
    assert found.ratio(p50, DOCKER_RUN, CELLS, TRUE.name, 1) == pytest.approx(25)
    assert found.ratio(p50, WARM, LIMIT, TRUE.name, 1) is None
    assert "| true | warm, cells | 3 | 16.0 | 48.0 | 48.0 | 48.0 | 1.60 | 25.00 | 300 |" in text_of(
        result
    )


def test_what_was_wanted_is_compared(result: Result) -> None:
    """The report says of each figure that was wanted whether it holds."""
    text = text_of(result)

    assert "| true, p50: times the limit | warm, cells | at most 1.8 | 1.60 | yes |" in text
    assert "runs a second: times docker run's, 4 at a time | warm, cells | at least 20" in text
    assert "| 1.00 | NO |" in text


def test_rounds_of_a_cell_are_added_up(result: Result) -> None:
    """Times, seconds, processor time, hits and misses of all rounds of a cell are added up."""
    found_cell(result, CELLS, TRUE.name, 1, 100.0, busy_s=2.0)

    cell = result.cell(CELLS, TRUE.name, 1)

    assert (cell.runs, cell.elapsed_s, cell.hits, cell.misses) == (4, 2.0, 4, 0)
    assert cell.per_second == pytest.approx(2.0)
    assert cell.cpu_ms == pytest.approx((3.0 - 0.2) / 4 * 1000)


def test_errors_are_counted_and_are_no_times(result: Result) -> None:
    """An error has no time in the report, and does not count as a run a second."""
    cell = result.cell(CELLS, TRUE.name, 1)

    cell.add([Press(0, 9.0, "503"), Press(0, 9.0, "503")], cpu.Reading(1.0, 1.0, 0.1), 1.0, None)

    assert (cell.runs, cell.errors, max(cell.took_ms)) == (3, {"503": 2}, 48.0)
    assert "2 x 503" in text_of(result)


def test_a_cell_in_which_nothing_ended_well_is_told_of_and_not_compared(result: Result) -> None:
    """A cell without a good run is named, and nothing is divided by its nothing."""
    result.cell(WARM, TRUE.name, 1).add(
        [Press(0, 1.0, "503")], cpu.Reading(1.0, 1.0, 0.1), 1.0, (0, 0)
    )

    text = text_of(result)

    assert "| warm, single use | 0 | 0 | 0 | 1 x 503 |" in text


def test_the_harvest_is_the_difference_of_two_runs(result: Result) -> None:
    """The harvest costs what the same work takes longer when its files are harvested."""
    found_cell(result, CELLS, HARVESTED.name, 1, 30.0)
    found_cell(result, CELLS, UNHARVESTED.name, 1, 18.0)

    assert "| warm, cells | 30.0 | 18.0 | 12.0 |" in text_of(result)
    assert "| harvest of 100 files, ms | warm, cells | at most 20 | 12.00 | yes |" in text_of(
        result
    )


def test_a_class_is_compared_with_the_limits_p99(result: Result) -> None:
    """A class is compared with the 99th percentile of the limit, not with its median."""
    found_cell(result, LIMIT, CLASS, 30, 200.0, 300.0)
    found_cell(result, CELLS, CLASS, 30, 210.0, 340.0)

    assert "| class, p99: ms above the limit's | warm, cells | at most 50 | 40.00 |" in text_of(
        result
    )


def test_what_was_saved_is_what_is_read(result: Result, tmp_path: Path) -> None:
    """Results that are read again are those that were saved, so a report can be made again."""
    result.save(tmp_path / "result.json")

    assert results.load(tmp_path / "result.json") == result


def test_several_runs_make_one_report(result: Result) -> None:
    """A report of several runs says for each by which command it was measured."""
    other = Result("--workloads class", "abc1234", "2 cores", 0.1)
    found_cell(other, LIMIT, CLASS, 30, 200.0)

    text = section(Found([result, other]))

    assert 'ARGS="--quick"' in text
    assert 'ARGS="--workloads class"' in text
    assert "A class of 30" in text


def test_only_the_marked_section_is_replaced() -> None:
    """All outside the marks stays as it is, and a document without marks is refused."""
    assert replaced(f"a\n{BEGIN}\nold\n{END}\nb\n", "new") == f"a\n{BEGIN}\n\nnew\n{END}\nb\n"
    with pytest.raises(ValueError, match="there are no"):
        replaced("nothing", "new")


def test_pictures_of_the_same_figures_are_the_same(result: Result, tmp_path: Path) -> None:
    """Pictures hold neither date nor chance, and the document names each of them."""
    found_cell(result, LIMIT, CLASS, 30, 200.0, 300.0)

    drawn = [pictures.draw(Found([result]), tmp_path / folder) for folder in "ab"]

    assert drawn[0] == drawn[1]
    assert {name for name, _ in drawn[0]} == {path.name for path in (tmp_path / "a").iterdir()}
    for name, _ in drawn[0]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_tables_have_as_many_words_as_headings(result: Result) -> None:
    """Every row of a table has a word for each of its headings."""
    for table in tables(Found([result])):
        assert {len(row) for row in table.rows} == {len(table.headings)}


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_a_wrong_answer_is_loud(workload: object) -> None:
    """A server that answers wrongly, in whichever way, is not measured."""
    for answer in (
        Answer("1", ""),
        Answer("0", "something else"),
        Answer("0", "", outcome="red"),
        Answer("0", "", changed=7),
    ):
        with pytest.raises(WrongAnswerError):
            workload.check(answer)  # type: ignore[attr-defined]


def test_every_way_has_a_title() -> None:
    """Each way of running has a title for the report to show."""
    assert {LIMIT, WARM, CELLS, MISS, DOCKER_RUN} < set(TITLES)
