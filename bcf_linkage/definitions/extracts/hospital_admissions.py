"""Admitted patient care, in the layout of SUS: one row per consultant episode, with its diagnoses and procedure in columns."""

from bcf_linkage.definitions.columns import ICD_10, OPCS_4, ORGANISATION, SUS, coded, essential, hospital_person, required
from bcf_linkage.definitions.schema import Column, Consequence, Identity, Matches, NotBefore, Table, Type

HOSPITAL_ADMISSIONS = Table(
    name="hospital_admissions",
    grain="one consultant episode of a hospital provider spell",
    source=SUS,
    key=("generated_record_identifier",),
    event_date="start_date_hospital_provider_spell",
    event_end="discharge_date_from_hospital_provider_spell",
    columns=(
        Column("generated_record_identifier", Type.TEXT, "SUS number of the record", SUS, required(), Identity.RECORD_ID),
        Column("cds_type", Type.TEXT, "Commissioning data set type", SUS, (coded("cds_type"),)),
        *hospital_person(),
        Column("organisation_code_code_of_provider", Type.TEXT, "ODS code of the provider", SUS, required(ORGANISATION)),
        Column("hospital_provider_spell_number", Type.TEXT, "The provider's number for the spell", SUS, required(), Identity.SPELL_ID),
        Column(
            "episode_number",
            Type.INTEGER,
            "Order of the episode within the spell, from 1; 98 not applicable, 99 not known",
            SUS,
            required(Matches(pattern=r"0?[1-9]|[1-7][0-9]|8[0-7]|9[89]", meaning="a number from 1 to 87, or 98 or 99")),
        ),
        Column("patient_classification", Type.TEXT, "Ordinary, day case or regular admission", SUS, essential("patient_classification")),
        Column("admission_method_hospital_provider_spell", Type.TEXT, "How the person came to be admitted", SUS, essential("admission_method")),
        Column("source_of_admission_hospital_provider_spell", Type.TEXT, "Where the person was admitted from", SUS, (coded("source_of_admission"),)),
        Column("start_date_hospital_provider_spell", Type.DATE, "Day of admission", SUS, required()),
        Column(
            "discharge_date_from_hospital_provider_spell",
            Type.DATE,
            "Day of discharge, blank while the person is still in hospital",
            SUS,
            (NotBefore(other="start_date_hospital_provider_spell"),),
        ),
        Column("discharge_destination_hospital_provider_spell", Type.TEXT, "Where the person was discharged to", SUS, (coded("discharge_destination"),)),
        Column("discharge_method_hospital_provider_spell", Type.TEXT, "How the spell ended", SUS, (coded("discharge_method"),)),
        Column(
            "hospital_provider_spell_discharge_ready_date",
            Type.DATE,
            "Day from which the person was ready to leave",
            SUS,
            (NotBefore(other="start_date_hospital_provider_spell", consequence=Consequence.BLANK_VALUE),),
            on_type_error=Consequence.BLANK_VALUE,
        ),
        Column("start_date_consultant_episode", Type.DATE, "First day of the episode", SUS, required(NotBefore(other="start_date_hospital_provider_spell"))),
        Column("end_date_consultant_episode", Type.DATE, "Last day of the episode", SUS, (NotBefore(other="start_date_consultant_episode"),)),
        Column("main_specialty_code", Type.TEXT, "Main specialty of the consultant", SUS, (coded("main_specialty"),)),
        Column("treatment_function_code", Type.TEXT, "Treatment function under which the person was treated", SUS, (coded("treatment_function"),)),
        Column("primary_diagnosis_icd", Type.TEXT, "Primary diagnosis, ICD-10", SUS, (ICD_10,)),
        *(Column(f"secondary_diagnosis_icd_{n}", Type.TEXT, f"Secondary diagnosis {n}, ICD-10", SUS, (ICD_10,)) for n in (1, 2, 3)),
        Column(
            "primary_procedure_opcs",
            Type.TEXT,
            "Primary procedure, OPCS-4",
            SUS,
            (OPCS_4,),
        ),
    ),
)
