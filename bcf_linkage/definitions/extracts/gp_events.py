"""Records of general practice: consultations, diagnoses, prescriptions and coded processes such as a care plan."""

from bcf_linkage.definitions.columns import LOCAL_GP, PRACTICE, READ_CODE, birth_date, coded, essential, nhs_number, required
from bcf_linkage.definitions.schema import Between, Column, Consequence, Identity, Table, Type

GP_EVENTS = Table(
    name="gp_events",
    grain="one coded event, prescription or consultation",
    source=LOCAL_GP,
    key=("event_id",),
    event_date="event_date",
    whole_history=True,
    columns=(
        Column("event_id", Type.TEXT, "The practice system's own number for the event", LOCAL_GP, required(), Identity.RECORD_ID),
        Column("gp_patient_id", Type.TEXT, "The practice system's own number for the patient", LOCAL_GP, required(), Identity.LOCAL_ID),
        *nhs_number(LOCAL_GP, None),
        birth_date(LOCAL_GP),
        Column("practice_code", Type.TEXT, "ODS code of the practice that recorded the event", LOCAL_GP, (PRACTICE,)),
        Column("event_date", Type.DATE, "Day of the event", LOCAL_GP, required(Between(low="1900-01-01"))),
        Column("event_type", Type.TEXT, "Consultation, diagnosis, medication or process", LOCAL_GP, essential("gp_event_type")),
        Column("code_system", Type.TEXT, "The system that the code belongs to", LOCAL_GP, (coded("code_system"),)),
        Column(
            "code",
            Type.TEXT,
            "Read v2 code (case-sensitive, padded with dots) or BNF section",
            LOCAL_GP,
            (READ_CODE,),
        ),
        Column("consultation_mode", Type.TEXT, "How a consultation took place", LOCAL_GP, (coded("consultation_mode"),)),
        Column("value", Type.DECIMAL, "A measurement's value, or the number of items prescribed", LOCAL_GP, (), on_type_error=Consequence.BLANK_VALUE),
    ),
)
