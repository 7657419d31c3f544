"""Every match pass and every guard of the trace, as a table of records against a crowd."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from bcf_linkage.identifiable.pseudonymisation import PERSON_DOMAIN, make_tokens
from bcf_linkage.identifiable.trace.register import Register
from pipelines.receive.linkage_evidence import find_loose_links
from tests.delivery_builder import number
from tests.trace_builder import build_register, crowd, person, reasons_and_numbers, trace_people

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
"""Somebody of the crowd who lives alone."""

NO_NUMBER: dict[str, Any] = {"nhs_number": None}


@pytest.fixture(scope="module")
def register() -> Register:
    return build_register([*crowd(CROWD), TWIN, OTHER_TWIN, LONE_TWIN, *RESIDENTS, SENIOR, *PAIR, MOVED_ON, BABY, *SHARED, NEW_YEAR, SWAPPED, SPELT])


def record_of(somebody: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a record of somebody, with the errors of the source."""
    return {name: value for name, value in {**somebody, **changes}.items() if not name.startswith("replaced")}


ANYBODYS_NUMBER = ANYBODY["nhs_number"]
FOUND = {
    "number and date": (record_of(ANYBODY), "cross_check", ANYBODYS_NUMBER),
    "number and date, and no name at all": (
        record_of(ANYBODY, given_name=None, family_name=None, sex=None, postcode=None, address_line_1=None),
        "cross_check",
        ANYBODYS_NUMBER,
    ),
    "a superseded number": (record_of(MOVED_ON, nhs_number=number(950_000_000)), "superseded_number", MOVED_ON["nhs_number"]),
    "number, another day and the names": (
        record_of(ANYBODY, birth_date=ANYBODY["birth_date"][:8] + "28", postcode=None),
        "cross_check_partial",
        ANYBODYS_NUMBER,
    ),
    "number, another day and the outward half": (
        record_of(ANYBODY, birth_date=ANYBODY["birth_date"][:8] + "28", given_name=None),
        "cross_check_partial",
        ANYBODYS_NUMBER,
    ),
    "number, day and month swapped": (record_of(SWAPPED, birth_date="1931-09-04"), "cross_check_partial", SWAPPED["nhs_number"]),
    "all but the number": (record_of(ANYBODY, **NO_NUMBER), "exact_demographics", ANYBODYS_NUMBER),
    "all but number and address": (record_of(ANYBODY, **NO_NUMBER, postcode=None, address_line_1=None), "exact_demographics", ANYBODYS_NUMBER),
    "all but number and given name": (record_of(ANYBODY, **NO_NUMBER, given_name=None), "exact_demographics", ANYBODYS_NUMBER),
    "a number that cannot be": (record_of(ANYBODY, nhs_number="9434765918"), "exact_demographics", ANYBODYS_NUMBER),
    "a Scottish number": (record_of(ANYBODY, nhs_number="3002000005"), "exact_demographics", ANYBODYS_NUMBER),
    "another spelling": (record_of(SPELT, **NO_NUMBER, given_name="Mohd"), "scored", SPELT["nhs_number"]),
    "a nickname": (record_of(ANYBODY, **NO_NUMBER, given_name="Bert"), "scored", ANYBODYS_NUMBER),
    "a slip in the family name": (record_of(ANYBODY, **NO_NUMBER, family_name=ANYBODY["family_name"][::-1][1:][::-1]), "scored", ANYBODYS_NUMBER),
    "names in each other's column": (
        record_of(ANYBODY, **NO_NUMBER, given_name=ANYBODY["family_name"], family_name=ANYBODY["given_name"]),
        "scored",
        ANYBODYS_NUMBER,
    ),
    "names in each other's column, one misspelt": (
        record_of(ANYBODY, **NO_NUMBER, given_name=ANYBODY["family_name"], family_name="Herbert", postcode=None, address_line_1=None),
        "scored",
        ANYBODYS_NUMBER,
    ),
    "capitals and a title": (
        record_of(ANYBODY, **NO_NUMBER, given_name="MR  HUBERT ", family_name=ANYBODY["family_name"].upper()),
        "exact_demographics",
        ANYBODYS_NUMBER,
    ),
    "a date that is no day": (record_of(ANYBODY, **NO_NUMBER, birth_date=ANYBODY["birth_date"][:4] + "-02-30"), "scored", ANYBODYS_NUMBER),
    "day and month swapped, which makes no day, and another address": (
        record_of(ANYBODY, **NO_NUMBER, birth_date="1930-20-10", postcode="SO99 9ZZ", address_line_1="Elsewhere"),
        "scored",
        ANYBODYS_NUMBER,
    ),
    "another address": (record_of(ANYBODY, **NO_NUMBER, given_name="Hughbert", postcode="SO99 9ZZ", address_line_1="Elsewhere"), "scored", ANYBODYS_NUMBER),
    "a number that is nobody's, and all else": (record_of(ANYBODY, nhs_number=number(990_000_000)), "exact_demographics", ANYBODYS_NUMBER),
    "the twin by her own name": (record_of(TWIN, **NO_NUMBER), "exact_demographics", TWIN["nhs_number"]),
    "a resident by name": (record_of(RESIDENTS[3], **NO_NUMBER), "exact_demographics", RESIDENTS[3]["nhs_number"]),
}

REFUSED = {
    "nothing at all": (dict.fromkeys(ANYBODY), "number_missing"),
    "a family name alone": (record_of(dict.fromkeys(ANYBODY), family_name="Quill"), "number_missing"),
    "a date alone": (record_of(dict.fromkeys(ANYBODY), birth_date=ANYBODY["birth_date"]), "number_missing"),
    "a home alone": (record_of(dict.fromkeys(ANYBODY), postcode=ANYBODY["postcode"], address_line_1=ANYBODY["address_line_1"]), "number_missing"),
    "the number alone": (record_of(dict.fromkeys(ANYBODY), nhs_number=ANYBODYS_NUMBER), "birth_date_missing"),
    "a junk name": (record_of(ANYBODY, **NO_NUMBER, given_name="UNKNOWN", family_name="Test", sex=None), "junk_name"),
    "a baby": (record_of(BABY, **NO_NUMBER), "junk_name"),
    "a default date of another year": (record_of(ANYBODY, nhs_number=None, birth_date="1900-01-01", given_name=None, postcode=None), "default_birth_date"),
    "number and a default date": (record_of(dict.fromkeys(ANYBODY), nhs_number=ANYBODYS_NUMBER, birth_date="1900-01-01"), "default_birth_date"),
    "somebody's twin, by the address": (record_of(TWIN, **NO_NUMBER, given_name=None), "twin"),
    "a twin's number and the other's name": (record_of(TWIN, given_name="Rosalind"), "twin"),
    "a twin who is not on the register": (record_of(LONE_TWIN, **NO_NUMBER, given_name="Beatrix"), "twin"),
    "a son named after his father": (record_of(SENIOR, **NO_NUMBER, birth_date="1962-07-29"), "relative"),
    "a son named after his father, with a vague date of another year": (record_of(SENIOR, **NO_NUMBER, birth_date="1962-01-01"), "relative"),
    "one of the family, by a date that is one slip away": (record_of(SENIOR, **NO_NUMBER, given_name=None, birth_date="1931-03-15"), "relative"),
    "a twin of a like name who is not on the register": (record_of(LONE_TWIN, **NO_NUMBER, given_name="Charlene"), "twin"),
    "the number of one they live with": (record_of(SENIOR, given_name="Clarissa", birth_date="1988-07-26", sex="2"), "relative"),
    "one of two of a name and date": (record_of(PAIR[0], **NO_NUMBER, postcode=None, address_line_1=None), "tie"),
    "number of another": (record_of(ANYBODY, nhs_number=person(44)["nhs_number"]), "number_of_another"),
    "a number that two people have": (record_of(SHARED[0]), "number_shared"),
    "whose number two people have": (record_of(SHARED[0], **NO_NUMBER), "number_shared"),
    "a resident, by the home": (record_of(RESIDENTS[0], **NO_NUMBER, given_name=None, birth_date=None), "communal_postcode"),
}


def test_a_namesake_with_a_number_and_a_home_elsewhere_is_somebody_else(register: Register) -> None:
    elsewhere = number(990_000_000)
    assert reasons_and_numbers([record_of(ANYBODY, nhs_number=elsewhere, postcode="SO99 9ZZ", address_line_1="Elsewhere")], register) == [
        ("not_on_register", elsewhere)
    ]
    assert reasons_and_numbers([record_of(ANYBODY, nhs_number=elsewhere, postcode="SO99 9ZZ")], register) == [("scored", ANYBODYS_NUMBER)]


@pytest.mark.parametrize("case", FOUND)
def test_a_record_is_found_by_the_first_match_pass_that_applies(case: str, register: Register) -> None:
    record, match_pass, expected_number = FOUND[case]
    assert reasons_and_numbers([record], register) == [(match_pass, expected_number)]


@pytest.mark.parametrize("case", REFUSED)
def test_a_record_that_may_be_anothers_is_refused_with_the_reason(case: str, register: Register) -> None:
    record, reason = REFUSED[case]
    assert reasons_and_numbers([record], register) == [(reason, None)]


@pytest.mark.parametrize(
    "name", ["Zoë/Müller", "Zoe/Muller", "Siân/O'Neill", "Sian/O Neill", "Anne-Marie/McDonald", "Annemarie/MacDonald", "李/王小明", "Жанна/Щукина"]
)
def test_spelling_is_no_difference(name: str) -> None:
    families = {"Müller": "Zoë", "O'Neill": "Siân", "McDonald": "Anne-Marie", "王小明": "李", "Щукина": "Жанна"}
    people = [person(600 + n, given_name=given, family_name=family) for n, (family, given) in enumerate(families.items())]
    given, family = name.split("/")
    target = next(p for p in people if p["family_name"][-2:].lower() == family[-2:].lower() or p["family_name"][-3:] == family[-3:])
    assert reasons_and_numbers([record_of(target, **NO_NUMBER, given_name=given, family_name=family)], build_register([*crowd(40), *people])) == [
        ("exact_demographics", target["nhs_number"])
    ]


def test_a_scored_link_has_its_pattern_and_score(register: Register) -> None:
    (link,) = (
        trace_people([record_of(ANYBODY, **NO_NUMBER, given_name="Bert", postcode=None)], register).records.select("score", "margin", "pattern").to_dicts()
    )
    assert link["pattern"] == "N.GnF=D=S=P.A="
    assert link["score"] > 10


def test_kin_are_expected_only_on_a_register_with_families(register: Register) -> None:
    assert register.expects_kin
    assert not build_register([person(n) for n in range(CROWD)]).expects_kin


def test_kin_are_expected_where_a_register_cannot_show_that_there_are_none() -> None:
    assert build_register([person(n, postcode=None, address_line_1=None) for n in range(CROWD)]).expects_kin
    alone = build_register([SENIOR])
    assert reasons_and_numbers([record_of(SENIOR, **NO_NUMBER, given_name="Leonard", birth_date="1962-07-29")], alone) == [("relative", None)]


@pytest.mark.parametrize(
    "changes",
    [
        {"birth_date": ANYBODY["birth_date"][:8] + "13", "postcode": None, "address_line_1": None},
        {"birth_date": None, "postcode": "SO99 9ZZ", "address_line_1": f"99 {ANYBODY['address_line_1'].split(' ', 1)[1]}"},
    ],
    ids=["two names and part of a date", "two names and a street"],
)
def test_fields_that_many_namesakes_share_do_not_count(changes: dict[str, Any], register: Register) -> None:
    assert reasons_and_numbers([record_of(ANYBODY, **NO_NUMBER, **changes)], register) == [("below_threshold", None)]


def test_a_namesake_of_no_date_whose_number_is_unknown_is_not_linked(register: Register) -> None:
    stranger = number(990_000_000)
    assert reasons_and_numbers([record_of(SENIOR, nhs_number=stranger, birth_date=None)], register) == [("not_on_register", stranger)]


@pytest.mark.parametrize("blank", ["postcode", "address_line_1"])
def test_kin_are_expected_where_a_register_has_only_half_of_a_home(blank: str) -> None:
    partial_register = build_register([{**somebody, blank: None} for somebody in (*crowd(CROWD), LONE_TWIN)])
    assert partial_register.expects_kin
    assert reasons_and_numbers([record_of(LONE_TWIN, **NO_NUMBER, given_name="Beatrix")], partial_register) == [("twin", None)]


def test_namesakes_of_one_postcode_by_chance_are_no_kin() -> None:
    strangers = [person(n, family_name=f"Stranger{'abcdefgh'[n * n % 8]}", postcode=f"SO1 {n % 9}AA", address_line_1=None) for n in range(CROWD)]
    assert not build_register(strangers).expects_kin


def test_copies_of_one_name_and_date_are_skipped_in_bounded_time() -> None:
    people = [person(n, given_name="John", family_name="Smith", birth_date="1950-05-05", sex="1", postcode=None, address_line_1=None) for n in range(2_000)]
    records = [record_of(people[0], nhs_number=None, address_line_1=f"{n} Some Street") for n in range(20_000)]
    register = build_register(people)
    started = time.monotonic()
    traced = trace_people(records, register)
    assert time.monotonic() - started < 20
    assert not traced.records["person_number"].is_not_null().any()
    assert traced.skipped["born"] == 20_000


def test_an_empty_register_links_nobody() -> None:
    assert reasons_and_numbers([record_of(ANYBODY), record_of(ANYBODY, **NO_NUMBER)], build_register([])) == [
        ("not_on_register", ANYBODYS_NUMBER),
        ("number_missing", None),
    ]


def test_a_trace_of_no_records_is_empty(register: Register) -> None:
    assert trace_people([], register).records.is_empty()


def test_a_person_removed_from_the_register_is_not_found(register: Register) -> None:
    assert reasons_and_numbers([record_of(ANYBODY, **NO_NUMBER)], register.without(pl.Series([ANYBODYS_NUMBER])))[0][1] is None


def test_a_likely_person_is_reported_and_not_linked(register: Register) -> None:
    weak_record = record_of(ANYBODY, **NO_NUMBER, given_name=ANYBODY["given_name"][0], sex=None, postcode=None, address_line_1=None)
    traced = (
        trace_people([weak_record, *(record for record, _ in REFUSED.values())], register).records.sort("id").select("trace_reason", "person_number", "likely")
    )
    assert traced.row(0) == ("below_threshold", None, ANYBODYS_NUMBER)
    # A candidate with a contradiction is never likely.
    assert traced["likely"][1:].to_list() == [None] * len(REFUSED)


def test_loose_links_use_an_unconfirmed_number_or_a_likely_person_if_they_name_one_person() -> None:
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
    person_numbers = [number(940_000_000 + n) for n in (1, 2, 3)]
    numbers = pl.DataFrame({"number": [f"930000000{n}" for n in (1, 2, 3)], "person_number": person_numbers, "listed": True, "shared": [False, False, True]})
    people = people.with_columns(pl.col("likely").replace({"9300000002": person_numbers[1]}))
    context = SimpleNamespace(register=SimpleNamespace(numbers=numbers), tokens=SimpleNamespace(key=b"k" * 32))
    found = find_loose_links(people, context)  # type: ignore[arg-type]
    first, second = make_tokens(b"k" * 32, PERSON_DOMAIN, person_numbers[:2])
    assert found.sort("person").rows() == [("a", first), ("b", second), ("d", second)]
