"""The repairs of the English prompts, on rows of our own with the faults they mend.

The rows have the keys, the instructions and the faults of the published ones; their
words are ours.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval_iberian.ifeval.consistency import inconsistencies, is_listed, listed
from lm_eval_iberian.ifeval.data import Prompt, Reading, Repairs, read_repairs
from lm_eval_iberian.ifeval.prompt_files import read


ROWS = Path(__file__).parents[1] / "cases" / "ifeval_data" / "faulty_en.jsonl"


@pytest.fixture(scope="module")
def mended() -> Reading:
    return read(ROWS, "en", read_repairs("en"))


@pytest.fixture(scope="module")
def prompts(mended: Reading) -> dict[int, Prompt]:
    return {prompt.key: prompt for prompt in mended.prompts}


def test_the_faults_of_our_rows_are_found_and_repaired(mended: Reading) -> None:
    before = [
        finding.key
        for prompt in read(ROWS, "en", Repairs(version=0)).prompts
        for finding in inconsistencies(prompt)
    ]
    assert sorted(before) == [30, 143, 251, 337, 1174, 2807, 3221]
    after = [f for prompt in mended.prompts for f in inconsistencies(prompt)]
    assert [finding.key for finding in after] == [143]
    assert all(is_listed(finding, listed("en", "paper")) for finding in after)


def test_every_english_repair_finds_its_fault(mended: Reading) -> None:
    assert {o.status for o in mended.outcomes} == {"applied", "noted"}
    keys = {key for repair in read_repairs("en").entries for key in repair.keys}
    assert keys == {o.key for o in mended.outcomes}


def test_nothing_but_the_additions_is_counted_besides(mended: Reading) -> None:
    published = sum(len(p.published[0]) for p in mended.prompts)
    rows = len(ROWS.read_bytes().splitlines())
    additions = [o for o in mended.outcomes if o.repair.action == "add_instruction"]
    assert (len(mended.prompts), rows >= 24) == (rows, True)
    assert len(additions) >= 5
    asked = sum(len(p.instruction_ids) for p in mended.prompts)
    assert asked == published + len(additions)


def test_the_repaired_rows_are_what_their_prompts_ask_for(
    prompts: dict[int, Prompt],
) -> None:
    assert prompts[1174].kwargs[0]["let_relation"] == "at least"
    assert prompts[1174].published[1][0]["let_relation"] == "less than"
    assert prompts[337].kwargs[0]["num_words"] == 400
    assert prompts[30].instruction_ids[0] == "change_case:english_lowercase"
    assert prompts[1332].prompt.endswith(" ******")
    assert prompts[1332].published_prompt.endswith(" *******")
    assert prompts[3221].instruction_ids[-1] == "change_case:english_capital"
    assert prompts[3025].kwargs[-1] == {"keywords": ["desert"]}
    assert prompts[2517].kwargs[-1] == {"keywords": ["singing is life"]}
    assert prompts[2602].kwargs[-1] == {"num_words": 100, "relation": "less than"}
    assert prompts[2392].instruction_ids[-1] == "detectable_format:json_format"
    for key in (251, 2807):
        assert prompts[key].instruction_ids[-1] == "change_case:english_lowercase"


def test_what_no_answer_can_follow_is_known(prompts: dict[int, Prompt]) -> None:
    found = {key: p.unsatisfiable for key, p in prompts.items() if any(p.unsatisfiable)}
    assert found == {
        2078: (True,),
        1627: (False, True),
        3718: (True, False),
        374: (False, True),
        3371: (False, True),
        3369: (False, True),
    }
