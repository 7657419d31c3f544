"""Opt-out files with any content are read as plain Python reads them, or refused in one line."""

from __future__ import annotations

import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from bcf_linkage.definitions.errors import BcfError
from bcf_linkage.definitions.sharing import Objection, SharingRules
from bcf_linkage.identifiable.opt_outs import number_files
from bcf_linkage.identifiable.vault import Vault
from bcf_linkage.identifiable.vault.opt_out_lists import SealedOptOutList, opt_out_list_file, read_opt_out_list, write_opt_out_list
from pipelines.admin.opt_outs import derive_objections
from tests.delivery_builder import number
from tests.property.test_governance_fuzz import FEW_EXAMPLES, GARBAGE, refused_in_one_line, spoil_bytes

WHEN = datetime(2026, 3, 1, tzinfo=UTC)
CHECK = SharingRules.build(WHEN.date()).national_check
NUMBERS = [number(930_000_000 + 20 * n) for n in range(12)]
SOUND = number_files.render_number_file(pl.Series(NUMBERS))
LINES = st.sampled_from([*NUMBERS, "9434765918", "9999999999", "4010232137", "", " ", ",", "nhs_number", "12", "943 476 5919", "\u0661" * 10, "9" * 11])
FILES = st.lists(st.tuples(LINES, st.sampled_from(["", ",", ",,"]), st.sampled_from(["\n", "\n", "\n", "\r\n", ""])), max_size=6).map(
    lambda lines: "".join("".join(line) for line in lines).encode()
)


def expected_numbers(content: bytes) -> list[str] | None:
    """Return the numbers of a file as plain Python reads them, None if the file must be refused."""
    if re.fullmatch(rb"([0-9]{10},?\n)+", content) is None:
        return None
    found = re.findall("[0-9]{10}", content.decode("ascii"))
    return found if len(set(found)) == len(found) and all(_is_sound(number) for number in found) else None


def _is_sound(text: str) -> bool:
    return text[0] == "9" and len(set(text)) > 1 and sum(int(digit) * weight for digit, weight in zip(text, range(10, 0, -1), strict=True)) % 11 == 0


@FEW_EXAMPLES
@given(FILES | GARBAGE | spoil_bytes(SOUND) | st.just(SOUND))
def test_a_file_is_read_whole_and_as_it_is_or_refused_without_a_value(content: bytes) -> None:
    message = refused_in_one_line(lambda: number_files.parse_number_file(content, "file", "synthetic"))
    expected = expected_numbers(content)
    assert bool(message) is (expected is None)
    assert not re.search(r"\d{9}", message)
    if expected:
        assert number_files.parse_number_file(content, "file", "synthetic").to_list() == expected


@FEW_EXAMPLES
@given(st.lists(st.sampled_from(NUMBERS), min_size=1, unique=True), st.lists(st.sampled_from(NUMBERS), unique=True))
def test_everybody_asked_about_is_allowed_or_objects_and_nobody_else_is_named(asked: list[str], allowed: list[str]) -> None:
    request, answer = pl.Series(asked), pl.Series(allowed, dtype=pl.String)
    message = refused_in_one_line(lambda: derive_objections(request, answer, "file", CHECK))
    assert bool(message) is bool(set(allowed) - set(asked))
    if not message:
        assert dict(derive_objections(request, answer, "file", CHECK).rows()) == {number: number not in allowed for number in asked}


@FEW_EXAMPLES
@given(data=st.data())
def test_a_changed_list_is_read_as_it_was_written_or_refused(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        vault = Vault(Path(folder) / "vault")
        vault.create_first_keys(WHEN)
        written = SealedOptOutList(pl.DataFrame({"number": NUMBERS, "objects": [n % 3 == 0 for n in range(len(NUMBERS))]}), WHEN)
        file = write_opt_out_list(vault, Objection.NATIONAL, written)
        other = opt_out_list_file(vault, Objection.LOCAL)
        other.write_bytes(file.read_bytes())
        assert refused_in_one_line(lambda: read_opt_out_list(vault, Objection.LOCAL)), "one list must not be read as another"
        file.write_bytes(data.draw(GARBAGE | spoil_bytes(file.read_bytes())))
        try:
            read = read_opt_out_list(vault, Objection.NATIONAL)
        except BcfError:
            return
        assert read
        assert (read.numbers.rows(), read.as_of) == (written.numbers.rows(), WHEN)
