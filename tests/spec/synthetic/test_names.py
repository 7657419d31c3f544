"""The name pools cover every ethnic group, include spellings that make linkage hard, and are the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from bcf_linkage.definitions.code_lists import code_list
from synthetic.names import name_pools, nicknames, place_words


def test_every_ethnic_group_has_names_in_latin_script() -> None:
    drawn = name_pools(3)
    groups = set(code_list("ethnic_category").codes) - {"Z", "99"}
    assert set(drawn.family) == groups
    assert set(drawn.given) == {(group, sex) for group in groups for sex in "12"}
    everything = "".join("".join(pool) for pool in (*drawn.family.values(), *drawn.given.values()))
    assert all(ord(letter) < 0x300 or letter in "’ɔε" for letter in everything)


@pytest.mark.parametrize("form", ["O'Neill", "McDonald", "MacDonald", "McKenzie"])
def test_british_family_names_include_variant_spellings(form: str) -> None:
    assert form in name_pools(3).family["A"]


def test_british_names_have_accents_and_hyphens() -> None:
    drawn = name_pools(3)
    assert {"Zoë", "Siân"} <= set(drawn.given["A", "2"])
    assert "François" in drawn.given["A", "1"]
    assert (np.char.find(drawn.family["A"], "-") > 0).sum() > 20


def test_some_addresses_need_quotes_in_a_csv_file() -> None:
    assert (np.char.find(name_pools(3).houses, ",") > 0).any()


def test_the_same_seed_gives_the_same_names_and_another_seed_others() -> None:
    first = name_pools.__wrapped__(3)
    assert (first.family["N"] == name_pools(3).family["N"]).all()
    assert not (first.family["A"] == name_pools(4).family["A"]).all()


def test_a_nickname_differs_from_the_name_and_no_word_is_repeated() -> None:
    assert all(given not in known and len(set(known)) == len(known) for given, known in nicknames().items())
    assert len(set(place_words())) == len(place_words())
