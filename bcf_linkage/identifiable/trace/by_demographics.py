"""The rung of a trace that goes by names, date of birth, sex and postcode, letter by letter, where just one person has them all."""

from __future__ import annotations

import narwhals as nw

ALL = ("family", "given", "born", "sex", "postcode")
NAMED = ("family", "given", "born", "sex")
HOUSED = ("family", "born", "sex", "postcode")


def exactly_matched(compared: nw.LazyFrame, entries: nw.LazyFrame) -> nw.LazyFrame:
    """Comparable records with `id`, `claimed` and `stands_up` -> `id` and `person` of those who agree in full with one person alone.

    All five of family name, given name, birth date, sex and postcode; or, where no number speaks against it, family name, birth date
    and sex with the given name, or with the postcode where one side names no given name. A 1 January counts as no date, and a
    communal home as no postcode; a junk name is no name left out, for it may hide a twin's. A record whose number is another
    person's is left to be judged as a whole.
    """
    records = compared.filter(nw.col("born_for_certain"))
    people = entries.filter(nw.col("born_for_certain"))
    unnumbered = records.filter(~nw.col("stands_up"))
    nameless = (nw.col("given").is_null() & ~nw.col("junk_name")) | nw.col("only_given").is_null()
    found = [
        _single(records, people, ALL).select("id", "person", "claimed"),
        _single(unnumbered, people, NAMED).select("id", "person", "claimed"),
        _single(unnumbered, people.filter(~nw.col("junk_name")), HOUSED).filter(nameless).select("id", "person", "claimed"),
    ]
    agreed = nw.concat(found).filter((nw.col("claimed") == nw.col("person")).fill_null(True)).select("id", "person").unique()
    alone = agreed.group_by("id").agg(people=nw.col("person").n_unique(), person=nw.col("person").max())
    return alone.filter(nw.col("people") == 1).select("id", "person")


def _single(records: nw.LazyFrame, people: nw.LazyFrame, fields: tuple[str, ...]) -> nw.LazyFrame:
    """Records beside the one person who has the same in these fields, `only_given` being the name that they bear."""
    # Only who is asked about is counted: a register is long, and the records left are few.
    asked = people.join(records.select(*fields).unique(), on=list(fields), how="semi")
    groups = asked.group_by(*fields).agg(
        people=nw.col("person").n_unique(), person=nw.col("person").max(), shared=nw.col("shared").any(), only_given=nw.col("given").max()
    )
    single = groups.filter((nw.col("people") == 1) & ~nw.col("shared")).select(*fields, "person", "only_given")
    if "given" in fields:
        single = single.drop("only_given")
    return records.select("id", "claimed", "junk_name", *dict.fromkeys((*fields, "given"))).join(single, on=list(fields), how="inner")
