"""The GP register. Every trace matches against it, and every rate has it as denominator."""

from bcf_linkage.definitions.columns import LOCAL_GP, PRACTICE, address, birth_date, coded, names, required
from bcf_linkage.definitions.schema import CheckDigit, Column, Consequence, Identity, NotBefore, Table, Type

GP_REGISTRATIONS = Table(
    name="gp_registrations",
    grain="one person's registration with one practice",
    source=LOCAL_GP,
    key=("nhs_number", "practice_code", "registration_start_date", "gp_patient_id"),
    columns=(
        Column("gp_patient_id", Type.TEXT, "The practice system's own number for the patient", LOCAL_GP, required(), Identity.LOCAL_ID),
        Column("nhs_number", Type.TEXT, "The person's NHS number, ten digits, with or without spaces", LOCAL_GP, required(CheckDigit()), Identity.NHS_NUMBER),
        Column("nhs_number_status", Type.TEXT, "How far the practice has verified the NHS number", LOCAL_GP, (coded("nhs_number_status"),)),
        Column(
            "replaced_nhs_number",
            Type.TEXT,
            "A number the person had before, now superseded by nhs_number",
            LOCAL_GP,
            (CheckDigit(consequence=Consequence.BLANK_VALUE),),
            Identity.REPLACED_NHS_NUMBER,
        ),
        Column("replaced_nhs_number_date", Type.DATE, "Day from which replaced_nhs_number is superseded", LOCAL_GP, on_type_error=Consequence.BLANK_VALUE),
        *names(LOCAL_GP),
        birth_date(LOCAL_GP),
        Column("sex", Type.TEXT, "Person stated gender code", LOCAL_GP, (coded("sex"),)),
        Column("ethnicity", Type.TEXT, "Ethnic category", LOCAL_GP, (coded("ethnic_category"),)),
        *address(LOCAL_GP),
        Column("residential_institute", Type.TEXT, "Whether the address is a care home or another residential institute", LOCAL_GP, (coded("yes_no"),)),
        Column("practice_code", Type.TEXT, "ODS code of the practice", LOCAL_GP, required(PRACTICE)),
        Column("registration_start_date", Type.DATE, "First day of the registration", LOCAL_GP, required()),
        Column(
            "registration_end_date", Type.DATE, "Last day of the registration, blank while current", LOCAL_GP, (NotBefore(other="registration_start_date"),)
        ),
        Column("date_of_death", Type.DATE, "Date of death, blank for the living", LOCAL_GP, on_type_error=Consequence.BLANK_VALUE),
        Column("named_accountable_gp", Type.TEXT, "Code of the GP who is accountable for the person's care, blank if none is named", LOCAL_GP),
        Column(
            "type_1_opt_out",
            Type.TEXT,
            "Whether the person objects to data leaving the practice for purposes beyond direct care",
            LOCAL_GP,
            (coded("yes_no", Consequence.REFUSE_ROW),),
        ),
    ),
)
