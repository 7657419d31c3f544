"""The columns that several extracts share, each declared once."""

from __future__ import annotations

from bcf_linkage.definitions.code_lists import code_list
from bcf_linkage.definitions.schema import CheckDigit, Column, Consequence, Constraint, Identity, Matches, OneOf, Required, Type

DATA_DICTIONARY = "NHS Data Model and Dictionary"
SUS = "SUS admitted patient care, A&E and outpatient extracts (CDS 6.2), as field names [S]"
CLD = "Adult Social Care Client Level Data, field list (DHSC) [S]"
LOCAL_GP = "local GP extract: no national layout in 2014 [M]"
LOCAL_FLOW = "added by the local sharing agreement for tracing; not in the national data set [M]"

POSTCODE = Matches(
    pattern=r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}",
    meaning="a postcode in capitals, such as SO14 0AA",
    consequence=Consequence.NOTE,
)
PRACTICE = Matches(pattern=r"[A-Z][0-9]{5}", meaning="an ODS practice code: one letter and five digits", consequence=Consequence.BLANK_VALUE)
ORGANISATION = Matches(pattern=r"[A-Z0-9]{3,9}", meaning="an ODS organisation code", consequence=Consequence.BLANK_VALUE)
ICD_10 = Matches(pattern=r"[A-Z][0-9]{2}[0-9X]?[0-9A-Z]?", meaning="an ICD-10 code without its dot, such as J46X", consequence=Consequence.BLANK_VALUE)


def required(*rest: Constraint) -> tuple[Constraint, ...]:
    """`Required` and then the rest: without this value the row is refused."""
    return (Required(), *rest)


def coded(list_name: str, consequence: Consequence = Consequence.BLANK_VALUE) -> OneOf:
    """A code of the named list; an unknown one is blanked unless the row cannot do without it."""
    return OneOf(codes=code_list(list_name), consequence=consequence)


def essential(list_name: str) -> tuple[Constraint, ...]:
    """A code without which the row cannot be used: blank or unknown, the row is refused."""
    return required(coded(list_name, Consequence.REFUSE_ROW))


def nhs_number(source: str, status: str | None) -> tuple[Column, ...]:
    """The NHS number, and beside it the supplier's own word on it where the data set has one (`status` names that column)."""
    number = Column(
        "nhs_number",
        Type.TEXT,
        "The person's NHS number, ten digits, with or without spaces",
        source,
        (Required(consequence=Consequence.NOTE), CheckDigit(consequence=Consequence.NOTE)),
        Identity.NHS_NUMBER,
    )
    if status is None:
        return (number,)
    return (number, Column(status, Type.TEXT, "How far the supplier has verified the NHS number", source, (coded("nhs_number_status"),)))


def names(source: str = LOCAL_FLOW) -> tuple[Column, ...]:
    """Given and family name."""
    return (
        Column("given_name", Type.TEXT, "First given name", source, (), Identity.GIVEN_NAME),
        Column("family_name", Type.TEXT, "Family name", source, (), Identity.FAMILY_NAME),
    )


def birth_date(source: str) -> Column:
    """Full date of birth. One that is no date is blanked, so that the record is kept and counted as untraced."""
    return Column(
        "date_of_birth",
        Type.DATE,
        "Full date of birth",
        source,
        (Required(consequence=Consequence.NOTE),),
        Identity.BIRTH_DATE,
        on_mistype=Consequence.BLANK_VALUE,
    )


def address(source: str = LOCAL_FLOW, postcode_source: str | None = None) -> tuple[Column, ...]:
    """First address line and postcode."""
    return (
        Column("address_line_1", Type.TEXT, "First line of the usual address", source, (), Identity.ADDRESS),
        Column("postcode", Type.TEXT, "Postcode of the usual address", postcode_source or source, (POSTCODE,), Identity.POSTCODE),
    )


def hospital_person() -> tuple[Column, ...]:
    """Who a hospital record is about."""
    return (
        Column("local_patient_identifier", Type.TEXT, "The provider's own number for the patient", SUS, required(), Identity.LOCAL_ID),
        *nhs_number(SUS, "nhs_number_trace_status"),
        *names(),
        birth_date(SUS),
        Column("sex", Type.TEXT, "Person stated gender code", SUS, (coded("sex"),)),
        Column("ethnic_group", Type.TEXT, "Ethnic category", SUS, (coded("ethnic_category"),)),
        *address(postcode_source=SUS),
        Column("practice_code_of_registered_gp", Type.TEXT, "Practice with which the provider believes the patient registered", SUS, (PRACTICE,)),
    )
