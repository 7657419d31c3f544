"""Requests to the Master Person Service (MPS), and its accepted answers.

An answer is about an identity: the identifying values of a record when the request was made. If the source corrects the record, it has
a new identity and the answer no longer applies to it.
"""

from __future__ import annotations

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.national_trace import CODE_COLUMN, CONFIDENCE_COLUMN, NUMBER_COLUMN, REFERENCE_COLUMN, STEP_COLUMN, NationalTrace
from bcf_linkage.definitions.outcomes import Outcome
from bcf_linkage.definitions.schema import Table
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.identifiable import identity_stages

IDENTITY_SEPARATOR = "\x1f"
"""Separates the values of an identity: the ASCII unit separator, which is in no value."""

REQUEST_COLUMNS = ("identity", "NHS_NO", "FAMILY_NAME", "GIVEN_NAME", "GENDER", "DATE_OF_BIRTH", "POSTCODE", "ADDRESS_LINE1")
"""The request columns that are filled. All others stay blank: the MPS receives no more than it needs."""

UNSAFE_CHARACTERS = r"[\x00-\x1f,\x22 ]+"
"""Characters that would need quotes in the request file. Each run of them is sent as one space."""

GENDER_CODES = {"0": "0", "1": "1", "2": "2", "9": "9"}
"""NHS Data Dictionary codes that the MPS takes: not known, male, female, not specified. Any other value is sent blank."""


def identity_text(table: Table) -> nw.Expr:
    """Join all values of an identity into one text."""
    return nw.concat_str(*(nw.col(name).fill_null("") for name in identity_stages.identity_columns(table)), separator=IDENTITY_SEPARATOR)


def build_trace_requests(identities: nw.LazyFrame, table: Table) -> nw.LazyFrame:
    """Select the traced identities to ask the MPS about: one row per identity that is not linked and complete enough, with `REQUEST_COLUMNS`, in order.

    Complete enough is a date of birth with a sound number, or with family name and sex.
    """
    untraced = identities.filter(nw.col("reason").is_in([*reasons_for(Outcome.UNLINKED), *reasons_for(Outcome.NOT_REGISTERED)]))
    number = nw.when(nw.col("number_state") == nhs_number.SOUND).then(nw.col("number"))
    requests = untraced.select(
        identity=identity_text(table),
        NHS_NO=number,
        FAMILY_NAME=_safe_text("family_name"),
        GIVEN_NAME=_safe_text("given_name"),
        GENDER=nw.col("sex").replace_strict(list(GENDER_CODES), list(GENDER_CODES.values()), default=None, return_dtype=nw.String),
        DATE_OF_BIRTH=nw.col("birth_date").str.replace_all("-", "", literal=True),
        POSTCODE=_safe_text("postcode"),
        ADDRESS_LINE1=_safe_text("address_line_1"),
    )
    has_name_and_sex = ~nw.col("FAMILY_NAME").is_null() & ~nw.col("GENDER").is_null()
    is_traceable = ~nw.col("DATE_OF_BIRTH").is_null() & (~nw.col("NHS_NO").is_null() | has_name_and_sex)
    return requests.filter(is_traceable).select(*REQUEST_COLUMNS).unique().sort("identity")


def _safe_text(name: str) -> nw.Expr:
    text = nw.col(name).str.replace_all(UNSAFE_CHARACTERS, " ").str.strip_chars()
    return nw.when(text != "").then(text)


def accept_responses(response: nw.LazyFrame, requests: nw.LazyFrame, rules: NationalTrace) -> nw.LazyFrame:
    """Select the accepted answers: checked response rows, and requests with `reference` and `identity` -> `identity` and `national_number`.

    An answer is accepted if its code, its step and its confidence (in percent) meet the rules, and it names a number.
    """
    is_accepted = (
        nw.col(CODE_COLUMN).is_in(list(rules.found))
        & nw.col(STEP_COLUMN).is_in(list(rules.steps))
        & (nw.col(CONFIDENCE_COLUMN).cast(nw.Float64) >= rules.least_confidence)
        & ~nw.col(NUMBER_COLUMN).is_null()
        & ~nw.col(NUMBER_COLUMN).is_in(list(rules.no_number))
    )
    accepted = response.filter(is_accepted.fill_null(False)).select(reference=nw.col(REFERENCE_COLUMN), national_number=nw.col(NUMBER_COLUMN))
    return requests.select("reference", "identity").join(accepted, on="reference", how="inner").select("identity", "national_number")
