"""The national service: whom it is asked about, in the columns of its request, and what its answer says of each.

An answer is about an identity: all that a record told of its person when the service was asked. Where the source has since corrected
the record it is another identity, and the answer is about it no longer.
"""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.national_trace import CODE, CONFIDENCE, NUMBER, REFERENCE, STEP, NationalTrace
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.identifiable import examine

BETWEEN = "\x1f"
"""Stands between the values of an identity: a separator of units, which no value holds."""

ASKED = ("identity", "NHS_NO", "FAMILY_NAME", "GIVEN_NAME", "GENDER", "DATE_OF_BIRTH", "POSTCODE", "ADDRESS_LINE1")
"""The columns of whom the service is asked about; every other column of its request stays blank, as it is told no more than it needs."""

UNSAYABLE = r"[\x00-\x1f,\x22 ]+"
"""What would need quotes in the request, and is told as one space."""

SEXES = {"0": "0", "1": "1", "2": "2", "9": "9"}


def identity(table: Table) -> nw.Expr:
    """All values of an identity as one text."""
    return nw.concat_str(*(nw.col(name).fill_null("") for name in examine.who(table)), separator=BETWEEN)


def to_ask(identities: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Examined identities -> those that were not linked and tell enough for the service to look for them, with the columns `ASKED`, in order.

    Enough is a date of birth, beside a sound number or a family name and the sex.
    """
    missed = identities.filter(nw.col("reason").is_in([*reasons_for(Place.UNLINKED), *reasons_for(Place.NOT_REGISTERED)]))
    number = nw.when(nw.col("number_state") == nhs_number.SOUND).then(nw.col("number"))
    told = missed.select(
        identity=identity(table),
        NHS_NO=number,
        FAMILY_NAME=_plain("family_name"),
        GIVEN_NAME=_plain("given_name"),
        GENDER=nw.col("sex").replace_strict(list(SEXES), list(SEXES.values()), default=None, return_dtype=nw.String),
        DATE_OF_BIRTH=nw.col("birth_date").str.replace_all("-", "", literal=True),
        POSTCODE=_plain("postcode"),
        ADDRESS_LINE1=_plain("address_line_1"),
    )
    by_name = ~nw.col("FAMILY_NAME").is_null() & ~nw.col("GENDER").is_null()
    enough = ~nw.col("DATE_OF_BIRTH").is_null() & (~nw.col("NHS_NO").is_null() | by_name)
    return told.filter(enough).select(*ASKED).unique().sort("identity")


def _plain(name: str) -> nw.Expr:
    told = nw.col(name).str.replace_all(UNSAYABLE, " ").str.strip_chars()
    return nw.when(told != "").then(told)


def taken(response: nw.LazyFrame, asked: nw.LazyFrame, rules: NationalTrace) -> nw.LazyFrame:
    """A response's records, checked, and `reference` and `identity` of whom it was asked about -> `identity` and `national_number` of those found.

    The service must have found somebody, by one of its steps, with enough confidence.
    """
    found = (
        nw.col(CODE).is_in(list(rules.found))
        & nw.col(STEP).is_in(list(rules.steps))
        & (nw.col(CONFIDENCE).cast(nw.Float64) >= rules.least_confidence)
        & ~nw.col(NUMBER).is_null()
        & ~nw.col(NUMBER).is_in(list(rules.no_number))
    )
    answers = response.filter(found.fill_null(False)).select(reference=nw.col(REFERENCE), national_number=nw.col(NUMBER))
    return asked.select("reference", "identity").join(answers, on="reference", how="inner").select("identity", "national_number")
