"""Outpatient appointments, in the layout of CDS 020."""

from bcf_linkage.definitions.columns import ORGANISATION, SUS, coded, essential, hospital_person, required
from bcf_linkage.definitions.schema import Column, Identity, Table, Type

OUTPATIENTS = Table(
    name="outpatients",
    grain="one appointment",
    source=SUS,
    key=("attendance_identifier",),
    event_date="appointment_date",
    columns=(
        Column("attendance_identifier", Type.TEXT, "The provider's number for the appointment", SUS, required(), Identity.RECORD_ID),
        *hospital_person(),
        Column("organisation_code_code_of_provider", Type.TEXT, "ODS code of the provider", SUS, required(ORGANISATION)),
        Column("appointment_date", Type.DATE, "Day of the appointment", SUS, required()),
        Column("attended_or_did_not_attend", Type.TEXT, "Whether the person was seen", SUS, essential("attended")),
        Column("first_attendance", Type.TEXT, "First or follow-up, face to face or by telephone", SUS, (coded("first_attendance"),)),
        Column("outcome_of_attendance", Type.TEXT, "What follows", SUS, (coded("outcome_of_attendance"),)),
        Column("priority_type", Type.TEXT, "Priority of the referral", SUS, (coded("priority_type"),)),
        Column("source_of_referral_for_outpatients", Type.TEXT, "Who referred", SUS, (coded("source_of_referral"),)),
        Column("main_specialty_code", Type.TEXT, "Main specialty of the consultant", SUS, (coded("main_specialty"),)),
        Column("treatment_function_code", Type.TEXT, "Treatment function", SUS, (coded("treatment_function"),)),
    ),
)
