"""Emergency department attendances, in the layout of CDS 010."""

from bcf_linkage.definitions.columns import ORGANISATION, SUS, TIME_OF_DAY, coded, essential, hospital_person, required
from bcf_linkage.definitions.schema import Column, Identity, Table, Type

EMERGENCY_CARE = Table(
    name="emergency_care",
    grain="one attendance",
    source=SUS,
    key=("ae_attendance_number",),
    event_date="arrival_date",
    columns=(
        Column("ae_attendance_number", Type.TEXT, "The provider's number for the attendance", SUS, required(), Identity.RECORD_ID),
        *hospital_person(),
        Column("organisation_code_code_of_provider", Type.TEXT, "ODS code of the provider", SUS, required(ORGANISATION)),
        Column("ae_department_type", Type.TEXT, "Kind of department", SUS, essential("department_type")),
        Column("arrival_date", Type.DATE, "Day of arrival", SUS, required()),
        Column(
            "arrival_time",
            Type.TEXT,
            "Time of arrival, HH:MM",
            SUS,
            (TIME_OF_DAY,),
        ),
        Column("ae_arrival_mode", Type.TEXT, "By ambulance or otherwise", SUS, (coded("arrival_mode"),)),
        Column("ae_attendance_category", Type.TEXT, "First or follow-up", SUS, (coded("attendance_category"),)),
        Column("ae_attendance_disposal", Type.TEXT, "How the attendance ended", SUS, essential("attendance_disposal")),
    ),
)
