"""Every rung and every guard of the trace, drawn as a table of records against a crowd."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from bcf_linkage.identifiable.pseudonymise import PERSON, tokens
from pipelines.evidence import loose_links
from pipelines.tracing import Register
from tests.spec.delivered import number
from tests.spec.traced_people import answers, asked, crowd, person, register_of

CROWD = 400
TWIN, OTHER_TWIN = (
    person(500 + n, family_name="Holloway", birth_date="1990-05-17", sex="2", postcode="SO14 3AB", address_line_1="9 Elm Road") for n in range(2)
)
TWIN, OTHER_TWIN = {**TWIN, "given_name": "Harriet"}, {**OTHER_TWIN, "given_name": "Rosalind"}
LONE_TWIN = person(510, given_name="Caroline", family_name="Marchbanks", birth_date="1991-11-23", sex="2", postcode="SO15 4CD", address_line_1="4 Ash Road")
RESIDENTS = [
    person(520 + n, postcode="SO16 5EF", address_line_1="Beech Lodge", given_name="Edith", family_name=f"Resident{'abcdefghijkl'[n]}") for n in range(12)
]
SENIOR = person(540, given_name="Walter", family_name="Ashdown", birth_date="1931-03-14", sex="1", postcode="SO17 6GH", address_line_1="2 Larch Road")
PAIR = [person(550 + n, given_name="Peter", family_name="Kestrelman", birth_date="1966-06-06", sex="1", postcode=f"SO1{n} 7JK") for n in range(2)]
MOVED_ON = person(560, given_name="Gwendoline", family_name="Farthingale", replaced_nhs_number=number(950_000_000), replaced_nhs_number_date="2014-01-01")
BABY = person(570, given_name="Baby", family_name="Nightingale", birth_date="2014-08-08", sex="1", postcode="SO18 8LM", address_line_1="7 Yew Road")
SHARED = [
    person(580, given_name="Lionel", family_name="Doubleday"),
    person(581, given_name="Clement", family_name="Twicely", nhs_number=person(580)["nhs_number"]),
]
SWAPPED = person(595, given_name="Dorcas", family_name="Lindqvist", birth_date="1931-04-09")
SPELT = person(597, given_name="Mohammed", family_name="Tahirzadeh")
NEW_YEAR = person(590, given_name="Tamsin", family_name="Frostlake", birth_date="1944-01-01")

ANYBODY = person(7)
"""Philippa's like: somebody of the crowd who lives alone."""

UNKNOWN: dict[str, Any] = {"nhs_number": None}


@pytest.fixture(scope="module")
def register() -> Register:
    return register_of([*crowd(CROWD), TWIN, OTHER_TWIN, LONE_TWIN, *RESIDENTS, SENIOR, *PAIR, MOVED_ON, BABY, *SHARED, NEW_YEAR, SWAPPED, SPELT])


def like(somebody: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A record of somebody, with what the source has wrong."""
    return {name: value for name, value in {**somebody, **changes}.items() if not name.startswith("replaced")}


HIM = ANYBODY["nhs_number"]
FOUND = {
    "number and date": (like(ANYBODY), "cross_check", HIM),
    "number and date, and no name at all": (like(ANYBODY, given_name=None, family_name=None, sex=None, postcode=None, address_line_1=None), "cross_check", HIM),
    "a superseded number": (like(MOVED_ON, nhs_number=number(950_000_000)), "superseded_number", MOVED_ON["nhs_number"]),
    "number, another day and the names": (like(ANYBODY, birth_date=ANYBODY["birth_date"][:8] + "28", postcode=None), "cross_check_partial", HIM),
    "number, another day and the outward half": (like(ANYBODY, birth_date=ANYBODY["birth_date"][:8] + "28", given_name=None), "cross_check_partial", HIM),
    "number, day and month swapped": (like(SWAPPED, birth_date="1931-09-04"), "cross_check_partial", SWAPPED["nhs_number"]),
    "all but the number": (like(ANYBODY, **UNKNOWN), "exact_demographics", HIM),
    "all but number and address": (like(ANYBODY, **UNKNOWN, postcode=None, address_line_1=None), "exact_demographics", HIM),
    "all but number and given name": (like(ANYBODY, **UNKNOWN, given_name=None), "exact_demographics", HIM),
    "a number that cannot be": (like(ANYBODY, nhs_number="9434765918"), "exact_demographics", HIM),
    "a Scottish number": (like(ANYBODY, nhs_number="3002000005"), "exact_demographics", HIM),
    "another spelling": (like(SPELT, **UNKNOWN, given_name="Mohd"), "scored", SPELT["nhs_number"]),
    "a nickname": (like(ANYBODY, **UNKNOWN, given_name="Bert"), "scored", HIM),
    "a slip in the family name": (like(ANYBODY, **UNKNOWN, family_name=ANYBODY["family_name"][::-1][1:][::-1]), "scored", HIM),
    "names in each other's column": (like(ANYBODY, **UNKNOWN, given_name=ANYBODY["family_name"], family_name=ANYBODY["given_name"]), "scored", HIM),
    "names in each other's column, one misspelt": (
        like(ANYBODY, **UNKNOWN, given_name=ANYBODY["family_name"], family_name="Herbert", postcode=None, address_line_1=None),
        "scored",
        HIM,
    ),
    "capitals and a title": (like(ANYBODY, **UNKNOWN, given_name="MR  HUBERT ", family_name=ANYBODY["family_name"].upper()), "exact_demographics", HIM),
    "a date that is no day": (like(ANYBODY, **UNKNOWN, birth_date=ANYBODY["birth_date"][:4] + "-02-30"), "scored", HIM),
    "day and month swapped, which makes no day, and another address": (
        like(ANYBODY, **UNKNOWN, birth_date="1930-20-10", postcode="SO99 9ZZ", address_line_1="Elsewhere"),
        "scored",
        HIM,
    ),
    "another address": (like(ANYBODY, **UNKNOWN, given_name="Hughbert", postcode="SO99 9ZZ", address_line_1="Elsewhere"), "scored", HIM),
    "a number that is nobody's, and all else": (like(ANYBODY, nhs_number=number(990_000_000)), "exact_demographics", HIM),
    "the twin by her own name": (like(TWIN, **UNKNOWN), "exact_demographics", TWIN["nhs_number"]),
    "a resident by name": (like(RESIDENTS[3], **UNKNOWN), "exact_demographics", RESIDENTS[3]["nhs_number"]),
}

REFUSED = {
    "nothing at all": (dict.fromkeys(ANYBODY), "number_missing"),
    "a family name alone": (like(dict.fromkeys(ANYBODY), family_name="Quill"), "number_missing"),
    "a date alone": (like(dict.fromkeys(ANYBODY), birth_date=ANYBODY["birth_date"]), "number_missing"),
    "a home alone": (like(dict.fromkeys(ANYBODY), postcode=ANYBODY["postcode"], address_line_1=ANYBODY["address_line_1"]), "number_missing"),
    "the number alone": (like(dict.fromkeys(ANYBODY), nhs_number=HIM), "birth_date_missing"),
    "a junk name": (like(ANYBODY, **UNKNOWN, given_name="UNKNOWN", family_name="Test", sex=None), "junk_name"),
    "a baby": (like(BABY, **UNKNOWN), "junk_name"),
    "a default date of another year": (like(ANYBODY, nhs_number=None, birth_date="1900-01-01", given_name=None, postcode=None), "default_birth_date"),
    "number and a default date": (like(dict.fromkeys(ANYBODY), nhs_number=HIM, birth_date="1900-01-01"), "default_birth_date"),
    "somebody's twin, by the address": (like(TWIN, **UNKNOWN, given_name=None), "twin"),
    "a twin's number and the other's name": (like(TWIN, given_name="Rosalind"), "twin"),
    "a twin who is not on the register": (like(LONE_TWIN, **UNKNOWN, given_name="Beatrix"), "twin"),
    "a son named after his father": (like(SENIOR, **UNKNOWN, birth_date="1962-07-29"), "relative"),
    "a son named after his father, of whom some other year is told": (like(SENIOR, **UNKNOWN, birth_date="1962-01-01"), "relative"),
    "one of the family, by a date that is one slip away": (like(SENIOR, **UNKNOWN, given_name=None, birth_date="1931-03-15"), "relative"),
    "a twin of a like name who is not on the register": (like(LONE_TWIN, **UNKNOWN, given_name="Charlene"), "twin"),
    "the number of one they live with": (like(SENIOR, given_name="Clarissa", birth_date="1988-07-26", sex="2"), "relative"),
    "one of two of a name and date": (like(PAIR[0], **UNKNOWN, postcode=None, address_line_1=None), "tie"),
    "number of another": (like(ANYBODY, nhs_number=person(44)["nhs_number"]), "number_of_another"),
    "a number that two people have": (like(SHARED[0]), "number_shared"),
    "whose number two people have": (like(SHARED[0], **UNKNOWN), "number_shared"),
    "a resident, by the home": (like(RESIDENTS[0], **UNKNOWN, given_name=None, birth_date=None), "communal_postcode"),
}


def test_a_namesake_with_a_number_and_a_home_elsewhere_is_somebody_else(register: Register) -> None:
    elsewhere = number(990_000_000)
    assert answers([like(ANYBODY, nhs_number=elsewhere, postcode="SO99 9ZZ", address_line_1="Elsewhere")], register) == [("not_on_register", elsewhere)]
    assert answers([like(ANYBODY, nhs_number=elsewhere, postcode="SO99 9ZZ")], register) == [("scored", HIM)]


@pytest.mark.parametrize("case", FOUND)
def test_a_record_is_found_by_the_first_rung_that_will_do(case: str, register: Register) -> None:
    record, rung, whose = FOUND[case]
    assert answers([record], register) == [(rung, whose)]


@pytest.mark.parametrize("case", REFUSED)
def test_a_record_that_may_be_anothers_is_refused_with_the_reason(case: str, register: Register) -> None:
    record, reason = REFUSED[case]
    assert answers([record], register) == [(reason, None)]


@pytest.mark.parametrize(
    "name", ["Zoë/Müller", "Zoe/Muller", "Siân/O'Neill", "Sian/O Neill", "Anne-Marie/McDonald", "Annemarie/MacDonald", "李/王小明", "Жанна/Щукина"]
)
def test_spelling_is_no_difference(name: str) -> None:
    families = {"Müller": "Zoë", "O'Neill": "Siân", "McDonald": "Anne-Marie", "王小明": "李", "Щукина": "Жанна"}
    people = [person(600 + n, given_name=given, family_name=family) for n, (family, given) in enumerate(families.items())]
    given, family = name.split("/")
    whose = next(p for p in people if p["family_name"][-2:].lower() == family[-2:].lower() or p["family_name"][-3:] == family[-3:])
    assert answers([like(whose, **UNKNOWN, given_name=given, family_name=family)], register_of([*crowd(40), *people])) == [
        ("exact_demographics", whose["nhs_number"])
    ]


def test_what_is_told_of_a_scored_link(register: Register) -> None:
    (found,) = asked([like(ANYBODY, **UNKNOWN, given_name="Bert", postcode=None)], register).records.select("score", "margin", "pattern").to_dicts()
    assert found["pattern"] == "N.GnF=D=S=P.A="
    assert found["score"] > 10


def test_a_family_name_is_not_drawn_from_a_register_without_it(register: Register) -> None:
    assert register.kin
    assert not register_of([person(n) for n in range(CROWD)]).kin


def test_kin_are_expected_where_a_register_cannot_show_that_there_are_none() -> None:
    assert register_of([person(n, postcode=None, address_line_1=None) for n in range(CROWD)]).kin
    alone = register_of([SENIOR])
    assert answers([like(SENIOR, **UNKNOWN, given_name="Leonard", birth_date="1962-07-29")], alone) == [("relative", None)]


@pytest.mark.parametrize(
    "changes",
    [
        {"birth_date": ANYBODY["birth_date"][:8] + "13", "postcode": None, "address_line_1": None},
        {"birth_date": None, "postcode": "SO99 9ZZ", "address_line_1": f"99 {ANYBODY['address_line_1'].split(' ', 1)[1]}"},
    ],
    ids=["two names and part of a date", "two names and a street"],
)
def test_what_many_namesakes_share_is_no_third_field(changes: dict[str, Any], register: Register) -> None:
    assert answers([like(ANYBODY, **UNKNOWN, **changes)], register) == [("below_threshold", None)]


def test_a_namesake_of_no_date_whose_number_is_unknown_is_not_linked(register: Register) -> None:
    stranger = number(990_000_000)
    assert answers([like(SENIOR, nhs_number=stranger, birth_date=None)], register) == [("not_on_register", stranger)]


@pytest.mark.parametrize("blank", ["postcode", "address_line_1"])
def test_kin_are_expected_where_a_register_tells_but_half_of_a_home(blank: str) -> None:
    half = register_of([{**somebody, blank: None} for somebody in (*crowd(CROWD), LONE_TWIN)])
    assert half.kin
    assert answers([like(LONE_TWIN, **UNKNOWN, given_name="Beatrix")], half) == [("twin", None)]


def test_namesakes_whom_chance_brings_to_one_postcode_are_no_kin() -> None:
    strangers = [person(n, family_name=f"Stranger{'abcdefgh'[n * n % 8]}", postcode=f"SO1 {n % 9}AA", address_line_1=None) for n in range(CROWD)]
    assert not register_of(strangers).kin


def test_copies_of_one_name_and_date_are_skipped_in_bounded_time() -> None:
    people = [person(n, given_name="John", family_name="Smith", birth_date="1950-05-05", sex="1", postcode=None, address_line_1=None) for n in range(2_000)]
    records = [like(people[0], nhs_number=None, address_line_1=f"{n} Some Street") for n in range(20_000)]
    register = register_of(people)
    started = time.monotonic()
    found = asked(records, register)
    assert time.monotonic() - started < 20
    assert not found.records["person_number"].is_not_null().any()
    assert found.skipped["born"] == 20_000


def test_an_empty_register_finds_nobody() -> None:
    assert answers([like(ANYBODY), like(ANYBODY, **UNKNOWN)], register_of([])) == [("not_on_register", HIM), ("number_missing", None)]


def test_no_records_are_no_trouble(register: Register) -> None:
    assert asked([], register).records.is_empty()


def test_a_register_without_one_person_finds_them_no_more(register: Register) -> None:
    assert answers([like(ANYBODY, **UNKNOWN)], register.without(pl.Series([HIM])))[0][1] is None


def test_whom_too_little_evidence_points_at_is_told_and_not_linked(register: Register) -> None:
    hint = like(ANYBODY, **UNKNOWN, given_name=ANYBODY["given_name"][0], sex=None, postcode=None, address_line_1=None)
    found = asked([hint, *(record for record, _ in REFUSED.values())], register).records.sort("id").select("trace_reason", "person_number", "likely")
    assert found.row(0) == ("below_threshold", None, HIM)
    # Where something stands against a person, nobody is likely.
    assert found["likely"][1:].to_list() == [None] * len(REFUSED)


def test_loose_links_take_a_number_alone_or_too_little_evidence_where_they_name_one_person() -> None:
    people = pl.DataFrame(
        [
            ("a", "birth_date_conflict", "9300000001", None),
            ("b", "below_threshold", None, "9300000002"),
            ("c", "below_threshold", "9300000001", "9300000002"),
            ("d", "below_threshold", "9300000002", "9300000002"),
            ("e", "number_shared", "9300000003", None),
            ("f", "tie", None, None),
            ("g", "cross_check", "9300000001", None),
        ],
        schema=["person", "reason", "number", "likely"],
        orient="row",
    )
    persons = [number(940_000_000 + n) for n in (1, 2, 3)]
    numbers = pl.DataFrame({"number": [f"930000000{n}" for n in (1, 2, 3)], "person_number": persons, "listed": True, "shared": [False, False, True]})
    people = people.with_columns(pl.col("likely").replace({"9300000002": persons[1]}))
    context = SimpleNamespace(register=SimpleNamespace(numbers=numbers), tokens=SimpleNamespace(key=b"k" * 32))
    found = loose_links(people, context)  # type: ignore[arg-type]
    first, second = tokens(b"k" * 32, PERSON, persons[:2])
    assert found.sort("person").rows() == [("a", first), ("b", second), ("d", second)]
