"""Columns that several extracts share, each declared once."""

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
    consequence=Consequence.COUNT_ONLY,
)
PRACTICE = Matches(pattern=r"[A-Z][0-9]{5}", meaning="an ODS practice code: one letter and five digits", consequence=Consequence.BLANK_VALUE)
ORGANISATION = Matches(pattern=r"[A-Z0-9]{3,9}", meaning="an ODS organisation code", consequence=Consequence.BLANK_VALUE)
ICD_10 = Matches(pattern=r"[A-Z][0-9]{2}[0-9X]?[0-9A-Z]?", meaning="an ICD-10 code without its dot, such as J46X", consequence=Consequence.BLANK_VALUE)

OPCS_4 = Matches(pattern=r"[A-Z][0-9]{2}[0-9]?", meaning="an OPCS-4 code without its dot", consequence=Consequence.BLANK_VALUE)
READ_CODE = Matches(pattern=r"[0-9A-Za-z.]{5}", meaning="five characters: letters, digits and dots", consequence=Consequence.BLANK_VALUE)
TIME_OF_DAY = Matches(pattern=r"([01][0-9]|2[0-3]):[0-5][0-9]", meaning="a time of day written HH:MM", consequence=Consequence.BLANK_VALUE)


def required(*others: Constraint) -> tuple[Constraint, ...]:
    """Return `Required`, then the other constraints. A row without the value is refused."""
    return (Required(), *others)


def coded(list_name: str, consequence: Consequence = Consequence.BLANK_VALUE) -> OneOf:
    """Return the constraint to the codes of a list. By default an unknown code is blanked and the row kept."""
    return OneOf(codes=code_list(list_name), consequence=consequence)


def essential(list_name: str) -> tuple[Constraint, ...]:
    """Return the constraints of a code that the row needs. A row with a blank or unknown code is refused."""
    return required(coded(list_name, Consequence.REFUSE_ROW))


def nhs_number(source: str, status: str | None) -> tuple[Column, ...]:
    """Return the NHS number and, where the data set has one, the supplier's status of the number. `status` is the name of that column."""
    number = Column(
        "nhs_number",
        Type.TEXT,
        "The person's NHS number, ten digits, with or without spaces",
        source,
        (Required(consequence=Consequence.COUNT_ONLY), CheckDigit(consequence=Consequence.COUNT_ONLY)),
        Identity.NHS_NUMBER,
    )
    if status is None:
        return (number,)
    return (number, Column(status, Type.TEXT, "How far the supplier has verified the NHS number", source, (coded("nhs_number_status"),)))


def names(source: str = LOCAL_FLOW) -> tuple[Column, ...]:
    """Return the given and the family name."""
    return (
        Column("given_name", Type.TEXT, "First given name", source, (), Identity.GIVEN_NAME),
        Column("family_name", Type.TEXT, "Family name", source, (), Identity.FAMILY_NAME),
    )


def birth_date(source: str) -> Column:
    """Return the full date of birth. A value that is not a date is blanked, so that the record is kept and counted as untraced."""
    return Column(
        "date_of_birth",
        Type.DATE,
        "Full date of birth",
        source,
        (Required(consequence=Consequence.COUNT_ONLY),),
        Identity.BIRTH_DATE,
        on_type_error=Consequence.BLANK_VALUE,
    )


def address(source: str = LOCAL_FLOW, postcode_source: str | None = None) -> tuple[Column, ...]:
    """Return the first address line and the postcode."""
    return (
        Column("address_line_1", Type.TEXT, "First line of the usual address", source, (), Identity.ADDRESS),
        Column("postcode", Type.TEXT, "Postcode of the usual address", postcode_source or source, (POSTCODE,), Identity.POSTCODE),
    )


def hospital_person() -> tuple[Column, ...]:
    """Return the columns that identify and describe the patient of a hospital record."""
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
