"""Files of who was asked about and who objects: whatever they hold, they are read as a plain reading has them, or refused in one line."""

from __future__ import annotations

import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from bcf_linkage.definitions.errors import Refusal
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.identifiable.opt_outs import number_files
from bcf_linkage.identifiable.vault import Vault
from bcf_linkage.identifiable.vault.opt_out_lists import KeptList, keep_list, kept_list, list_file
from pipelines.opt_outs import answered
from tests.property.test_governance_fuzz import FEW, GARBAGE, refused_in_one_line, spoilt
from tests.spec.delivered import number

WHEN = datetime(2026, 3, 1, tzinfo=UTC)
CHECK = SharingRules.build(WHEN.date()).national_check
NUMBERS = [number(930_000_000 + 20 * n) for n in range(12)]
SOUND = number_files.written(pl.Series(NUMBERS))
LINES = st.sampled_from([*NUMBERS, "9434765918", "9999999999", "4010232137", "", " ", ",", "nhs_number", "12", "943 476 5919", "\u0661" * 10, "9" * 11])
FILES = st.lists(st.tuples(LINES, st.sampled_from(["", ",", ",,"]), st.sampled_from(["\n", "\n", "\n", "\r\n", ""])), max_size=6).map(
    lambda lines: "".join("".join(line) for line in lines).encode()
)


def plainly(content: bytes) -> list[str] | None:
    """The numbers of a file as plain Python reads them, or nothing if it is to be refused."""
    if re.fullmatch(rb"([0-9]{10},?\n)+", content) is None:
        return None
    found = re.findall("[0-9]{10}", content.decode("ascii"))
    return found if len(set(found)) == len(found) and all(_is_sound(one) for one in found) else None


def _is_sound(told: str) -> bool:
    return told[0] == "9" and len(set(told)) > 1 and sum(int(digit) * weight for digit, weight in zip(told, range(10, 0, -1), strict=True)) % 11 == 0


@FEW
@given(FILES | GARBAGE | spoilt(SOUND) | st.just(SOUND))
def test_a_file_is_read_whole_and_as_it_is_or_refused_without_a_value(content: bytes) -> None:
    words = refused_in_one_line(lambda: number_files.read(content, "file", "synthetic"))
    expected = plainly(content)
    assert bool(words) is (expected is None)
    assert not re.search(r"\d{9}", words)
    if expected:
        assert number_files.read(content, "file", "synthetic").to_list() == expected


@FEW
@given(st.lists(st.sampled_from(NUMBERS), min_size=1, unique=True), st.lists(st.sampled_from(NUMBERS), unique=True))
def test_everybody_asked_about_may_be_used_or_objects_and_nobody_else_is_told_of(asked: list[str], allowed: list[str]) -> None:
    question, answer = pl.Series(asked), pl.Series(allowed, dtype=pl.String)
    words = refused_in_one_line(lambda: answered(question, answer, "file", CHECK))
    assert bool(words) is bool(set(allowed) - set(asked))
    if not words:
        assert dict(answered(question, answer, "file", CHECK).rows()) == {one: one not in allowed for one in asked}


@FEW
@given(data=st.data())
def test_a_kept_list_reads_as_it_was_kept_or_not_at_all(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        vault = Vault(Path(folder) / "vault")
        vault.begin(WHEN)
        kept = KeptList(pl.DataFrame({"number": NUMBERS, "objects": [n % 3 == 0 for n in range(len(NUMBERS))]}), WHEN)
        file = keep_list(vault, Objection.NATIONAL, kept)
        other = list_file(vault, Objection.LOCAL)
        other.write_bytes(file.read_bytes())
        assert refused_in_one_line(lambda: kept_list(vault, Objection.LOCAL)), "one list does not pass for another"
        file.write_bytes(data.draw(GARBAGE | spoilt(file.read_bytes())))
        try:
            read = kept_list(vault, Objection.NATIONAL)
        except Refusal:
            return
        assert read
        assert (read.numbers.rows(), read.since) == (kept.numbers.rows(), WHEN)
