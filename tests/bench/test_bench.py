"""The benchmarks run, with numbers far too small to say anything, and calculate what they say they do."""

import pytest

from activities.voting import record_vote
from bench.figures import Section, chunks, latencies, percentile, ratios, spread
from bench.instruments import Instruments
from bench.offline import measure
from bench.scale import Scale
from tests.acme import found_acme

CONFIRMATION = "0" * 32


def test_offline_verification_is_measured_for_each_number_of_votes():
    section = measure(Scale("tiny"))
    assert [row[0] for row in section.rows] == ["1", "3", "10"]
    assert all(len(row) == len(section.columns) for row in section.rows)
    assert {len(found["seconds"]) for found in section.raw.values()} == {2}


async def test_a_vote_that_decides_takes_14_queries_and_another_8_until_it_is_in_the_log(database):
    acme = await found_acme(database)
    await acme.ask(CONFIRMATION)
    _, vote = await acme.sign(CONFIRMATION, "anna")
    instruments = Instruments()
    with instruments.during("vote"):
        recorded = await record_vote(acme.deployment, CONFIRMATION, vote)
    instruments.close()
    work = instruments.work["vote"]
    assert recorded.outcome.status == "approved"
    # One transaction decides, one appends both leaves, one reads where the outcome's is.
    assert (work.runs, work.transactions, work.commits, work.statements) == (1, 3, 2, 22)


@pytest.mark.parametrize(("percent", "value"), [(50, 2), (51, 3), (75, 3), (95, 4), (100, 4), (1, 1)])
def test_a_percentile_is_a_value_that_was_measured(percent, value):
    assert percentile([4, 2, 1, 3], percent) == value


def test_ratios_are_of_runs_side_by_side():
    assert ratios([2, 9], [1, 3]) == [2, 3]
    assert spread([2, 3, 1]) == "2.00 (1.00–3.00)"


def test_runs_are_cut_into_equal_parts():
    assert chunks([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4]]


def test_a_section_is_a_markdown_table():
    section = Section("Title", ["a", "b"], [["1", latencies([0.001, 0.002])]])
    assert section.markdown() == "### Title\n\n| a | b |\n| --- | --- |\n| 1 | 1.0 / 2.0 / 2.0 |"
