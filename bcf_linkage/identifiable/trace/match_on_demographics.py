"""Match pass 3: names, date of birth, sex and postcode agree letter by letter, and only one person on the register has them."""

from __future__ import annotations

import narwhals as nw

ALL_FIELDS = ("family", "given", "born", "sex", "postcode")
NAME_FIELDS = ("family", "given", "born", "sex")
POSTCODE_FIELDS = ("family", "born", "sex", "postcode")


def match_exact_demographics(standardised: nw.LazyFrame, entries: nw.LazyFrame) -> nw.LazyFrame:
    """Match on demographics: standardised records with `id`, `claimed` and `number_is_sound` -> `id` and `person` of those who match one person.

    One of these sets of fields must agree:

    - family name, given name, date of birth, sex and postcode;
    - without a sound number: family name, given name, date of birth and sex;
    - without a sound number, and with no given name on one side: family name, date of birth, sex and postcode.

    A 1 January is no date of birth, and a communal home no postcode. A junk name does not count as a missing given name, because it may
    stand for a twin's. A record whose number belongs to another person is left to pass 4, which weighs all fields.
    """
    records = standardised.filter(nw.col("birth_date_is_exact"))
    people = entries.filter(nw.col("birth_date_is_exact"))
    without_number = records.filter(~nw.col("number_is_sound"))
    lacks_given_name = (nw.col("given").is_null() & ~nw.col("junk_name")) | nw.col("only_given").is_null()
    matches = [
        _match_one_person(records, people, ALL_FIELDS).select("id", "person", "claimed"),
        _match_one_person(without_number, people, NAME_FIELDS).select("id", "person", "claimed"),
        _match_one_person(without_number, people.filter(~nw.col("junk_name")), POSTCODE_FIELDS).filter(lacks_given_name).select("id", "person", "claimed"),
    ]
    consistent = nw.concat(matches).filter((nw.col("claimed") == nw.col("person")).fill_null(True)).select("id", "person").unique()
    people_per_record = consistent.group_by("id").agg(people=nw.col("person").n_unique(), person=nw.col("person").max())
    return people_per_record.filter(nw.col("people") == 1).select("id", "person")


def _match_one_person(records: nw.LazyFrame, people: nw.LazyFrame, fields: tuple[str, ...]) -> nw.LazyFrame:
    """Join records to the one person who agrees in these fields, with that person's given name as `only_given`. Leave out records that several people match."""
    # Count only candidates of these records: the register is long, and few records are left.
    candidates = people.join(records.select(*fields).unique(), on=list(fields), how="semi")
    people_by_fields = candidates.group_by(*fields).agg(
        people=nw.col("person").n_unique(), person=nw.col("person").max(), shared=nw.col("shared").any(), only_given=nw.col("given").max()
    )
    unique_people = people_by_fields.filter((nw.col("people") == 1) & ~nw.col("shared")).select(*fields, "person", "only_given")
    if "given" in fields:
        unique_people = unique_people.drop("only_given")
    return records.select("id", "claimed", "junk_name", *dict.fromkeys((*fields, "given"))).join(unique_people, on=list(fields), how="inner")
