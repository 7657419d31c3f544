"""Tables of the pseudonymised zone. No table has an identifier; a person is a keyed pseudonym."""

from __future__ import annotations

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.extracts.hospital_admissions import HOSPITAL_ADMISSIONS
from bcf_linkage.definitions.outcomes import KEPT_OUTCOMES
from bcf_linkage.definitions.schema import Column, Identity, Table, Type

OWN_SOURCE = "bcf-linkage"
REGISTER = "gp_registrations"

PERSON_COLUMN = Column("person", Type.TEXT, "Keyed pseudonym: 32 letters a to p", OWN_SOURCE)

TRACE_COLUMNS = (
    Column("file", Type.TEXT, "Name of the file that the row came in", OWN_SOURCE),
    Column("row", Type.INTEGER, "Position of the row in its file, the first after the header being 1", OWN_SOURCE),
    PERSON_COLUMN,
    Column("outcome", Type.TEXT, f"Outcome of the trace: {', '.join(KEPT_OUTCOMES)}", OWN_SOURCE),
    Column("trace_reason", Type.TEXT, "Reason for the outcome; for a linked row, the match pass that found its person", OWN_SOURCE),
    Column("trace_score", Type.DECIMAL, "Match weight of the best candidate, in bits; null unless candidates were scored", OWN_SOURCE),
    Column("trace_margin", Type.DECIMAL, "Match weight of the best candidate less that of the second best, in bits; null without a second", OWN_SOURCE),
    Column(
        "trace_pattern",
        Type.TEXT,
        "Level of agreement of each compared field, such as N.G=F~D=S=P-A=: a letter for the field, a code for the level",
        OWN_SOURCE,
    ),
    Column("number_state", Type.TEXT, "sound, or what is wrong with the NHS number as supplied", OWN_SOURCE),
    Column("nhs_number_status_derived", Type.TEXT, "NHS number status indicator code that the trace derived, 01 to 08", OWN_SOURCE),
)

BIRTH_COLUMNS = (
    Column("age", Type.INTEGER, "Age in whole years on the as-at date, null if the date of birth is not known", OWN_SOURCE),
    Column("birth_month", Type.TEXT, "Month of birth, YYYY-MM", OWN_SOURCE),
)

RESIDENCE_COLUMNS = (
    Column("lsoa", Type.TEXT, "Lower layer super output area of the postcode", OWN_SOURCE),
    Column("deprivation_quintile", Type.INTEGER, "National quintile of the Index of Multiple Deprivation, 1 the most deprived", OWN_SOURCE),
)


def received_table(extract: Table) -> Table:
    """Return the table of an extract after pseudonymisation: one row per row kept, without identifiers.

    The spell number becomes a token, because it joins the episodes of one spell.
    """
    kept = tuple(
        column if column.identity is None else Column(column.name, Type.TEXT, f"Keyed token of: {column.meaning}", OWN_SOURCE)
        for column in extract.columns
        if column.identity in (None, Identity.SPELL_ID)
    )
    birth_columns = BIRTH_COLUMNS if extract.identity(Identity.BIRTH_DATE) else ()
    residence_columns = RESIDENCE_COLUMNS if extract.identity(Identity.POSTCODE) else ()
    return Table(f"received_{extract.name}", extract.grain, extract.source, (*TRACE_COLUMNS, *birth_columns, *residence_columns, *kept), key=("file", "row"))


PEOPLE = Table(
    name="people",
    grain="one person: registered on the as-at date, or seen by a service and not registered",
    source=OWN_SOURCE,
    key=("person",),
    columns=(
        PERSON_COLUMN,
        Column(
            "population",
            Type.TEXT,
            "registered; not registered (a sound NHS number that is not on the register, or whose registration has ended); untraced",
            OWN_SOURCE,
        ),
        Column("practice_code", Type.TEXT, "Practice of registration, null if not registered", OWN_SOURCE),
        Column("sex", Type.TEXT, "Person stated gender code", OWN_SOURCE),
        Column("ethnic_category", Type.TEXT, "Ethnic category", OWN_SOURCE),
        *BIRTH_COLUMNS,
        Column("age_band", Type.TEXT, "Age in bands: 00-17, 18-64, 65-74, 75-84, 85+", OWN_SOURCE),
        *RESIDENCE_COLUMNS,
        Column("residential_institute", Type.TEXT, "Y where the register marks the address as a residential institute", OWN_SOURCE),
        Column("named_gp", Type.BOOLEAN, "Whether the register names an accountable GP", OWN_SOURCE),
    ),
)

ACTIVITY = Table(
    name="activity",
    grain="one person's activity of one kind in one month",
    source=OWN_SOURCE,
    key=("person", "month", "setting", "activity"),
    columns=(
        PERSON_COLUMN,
        Column("month", Type.DATE, "First day of the month", OWN_SOURCE),
        Column("setting", Type.TEXT, "The extract that the activity comes from", OWN_SOURCE),
        Column("activity", Type.TEXT, "Kind of activity, an item of the unit costs", OWN_SOURCE),
        Column("quantity", Type.DECIMAL, "Units of activity", OWN_SOURCE),
        Column("cost", Type.DECIMAL, "Quantity times unit cost, in pounds", OWN_SOURCE),
    ),
)

STRATA = Table(
    name="strata",
    grain="one person of `people`",
    source=OWN_SOURCE,
    key=("person",),
    columns=(
        PERSON_COLUMN,
        Column("health_cost", Type.DECIMAL, "Cost to the NHS in the twelve months to the as-at date, in pounds", OWN_SOURCE),
        Column("social_care_cost", Type.DECIMAL, "Cost to the council in the twelve months to the as-at date, in pounds", OWN_SOURCE),
        Column("band", Type.TEXT, "Resource-utilisation band by equal cost, null if not registered", OWN_SOURCE),
        Column("high_risk", Type.BOOLEAN, "Among the costliest 2% of the practice's adults", OWN_SOURCE),
    ),
)

SPELLS = Table(
    name="spells",
    grain="one stay of a person in hospital under one spell number",
    source=OWN_SOURCE,
    key=("person", "hospital_provider_spell_number", "start_date_hospital_provider_spell"),
    event_date="start_date_hospital_provider_spell",
    event_end="discharge_date_from_hospital_provider_spell",
    columns=(
        PERSON_COLUMN,
        Column("registered", Type.BOOLEAN, "Whether the person was registered with a practice of the locality on the day of admission", OWN_SOURCE),
        Column("age", Type.INTEGER, "Age in whole years in the month of admission", OWN_SOURCE),
        Column("nights", Type.INTEGER, "Nights from admission to discharge, to the as-at date while the person is still in hospital", OWN_SOURCE),
        Column("episodes_disagree", Type.BOOLEAN, "Whether two episodes of the stay state different days of discharge", OWN_SOURCE),
        Column("ambulatory_care_sensitive", Type.TEXT, "Chronic ambulatory care sensitive condition of the first episode, null if it is none", OWN_SOURCE),
        *(
            column
            for column in received_table(HOSPITAL_ADMISSIONS).columns
            if column.name in HOSPITAL_ADMISSIONS.names
            and column.name not in ("episode_number", "start_date_consultant_episode", "end_date_consultant_episode", "nhs_number_trace_status")
        ),
    ),
)

CARE = Table(
    name="care",
    grain="one person of `people`",
    source=OWN_SOURCE,
    key=("person",),
    columns=(
        PERSON_COLUMN,
        Column("case_management_register", Type.BOOLEAN, "On the case-management register: admission avoidance care started and not since ended", OWN_SOURCE),
        Column("care_plan", Type.BOOLEAN, "A care plan agreed, not since declined, and admission avoidance care not since ended", OWN_SOURCE),
        Column("accountable_professional", Type.BOOLEAN, "The register names an accountable GP, or the practice informed the person of one", OWN_SOURCE),
        Column("long_term_conditions", Type.INTEGER, "Distinct long-term conditions ever coded in general practice", OWN_SOURCE),
        Column(
            "social_care",
            Type.BOOLEAN,
            "Client of adult social care in the twelve months to the as-at date: a request, assessment, service or review",
            OWN_SOURCE,
        ),
        Column(
            "care_home",
            Type.BOOLEAN,
            "In a residential institute by the GP register, or in a care home that the council pays for, on the as-at date",
            OWN_SOURCE,
        ),
    ),
)

TRANSFERS = Table(
    name="transfers",
    grain="one transfer of a person from one kind of care to another; for a delay, one month of it",
    source=OWN_SOURCE,
    columns=(
        PERSON_COLUMN,
        Column(
            "transfer",
            Type.TEXT,
            "care_home_admission (a new permanent place that the council pays for), reablement_discharge (from hospital to reablement), "
            "or delay (in hospital although ready to leave)",
            OWN_SOURCE,
        ),
        Column("day", Type.DATE, "Day of the transfer; for a delay, the first day of the month", OWN_SOURCE),
        Column("age", Type.INTEGER, "Age in whole years in the month of the transfer; for a delay or a discharge, in the month of admission", OWN_SOURCE),
        Column("delayed_days", Type.INTEGER, "Days of the month on which the person was ready to leave, null unless a delay", OWN_SOURCE),
        Column(
            "at_home",
            Type.BOOLEAN,
            "Alive, not in hospital and not in a care home on the 91st day after a reablement discharge; null if not yet known",
            OWN_SOURCE,
        ),
    ),
)

CONTACTS = Table(
    name="contacts",
    grain="one person, extract and outcome, and one set of recorded characteristics",
    source=OWN_SOURCE,
    columns=(
        PERSON_COLUMN,
        Column("extract", Type.TEXT, "Name of the extract", OWN_SOURCE),
        Column("outcome", Type.TEXT, f"Outcome of the trace of the records: {', '.join(KEPT_OUTCOMES)}", OWN_SOURCE),
        *BIRTH_COLUMNS,
        Column("sex", Type.TEXT, "Person stated gender code", OWN_SOURCE),
        Column("ethnic_category", Type.TEXT, "Ethnic category", OWN_SOURCE),
        *RESIDENCE_COLUMNS,
        Column("residence", Type.TEXT, "Code of where the person lives or came from, as the extract writes it", OWN_SOURCE),
        Column("first_day", Type.DATE, "Day of the first of the records", OWN_SOURCE),
        Column("last_day", Type.DATE, "Day of the last of the records", OWN_SOURCE),
        Column("records", Type.INTEGER, "Number of records with these characteristics", OWN_SOURCE),
    ),
)

COSTS = Table(
    name="costs",
    grain="one person and setting",
    source=OWN_SOURCE,
    key=("person", "setting"),
    columns=(
        PERSON_COLUMN,
        Column("setting", Type.TEXT, "The extract that the activity comes from", OWN_SOURCE),
        Column("cost", Type.DECIMAL, "Cost of the 24 months to the as-at date, in pounds", OWN_SOURCE),
        Column("year_cost", Type.DECIMAL, "Cost of the twelve months to the as-at date, in pounds", OWN_SOURCE),
    ),
)


def loose_links_table(extract: str) -> Table:
    """Return the table of the best candidates of the unlinked people of an extract.

    They are below the threshold. Only the sensitivity analysis reads them, to show how far a looser rule would change the counts.
    """
    return Table(
        name=f"loose_links_{extract}",
        grain=f"one unlinked pseudonym of {extract} with a candidate",
        source=OWN_SOURCE,
        key=("person",),
        columns=(
            Column("person", Type.TEXT, "Pseudonym of the unlinked records", OWN_SOURCE),
            Column("candidate", Type.TEXT, "Pseudonym of the person they may belong to, unverified", OWN_SOURCE),
        ),
    )


def links_table(extract: str) -> Table:
    """Return the table of links of a source: one row per client, with its person, since when, and the change since the previous run."""
    previous_columns = (
        Column("person_before", Type.TEXT, "Pseudonym of the client's records in the previous run, null if the same", OWN_SOURCE),
        Column("outcome_before", Type.TEXT, "Outcome of their trace in the previous run, null if the link is the same", OWN_SOURCE),
        Column("trace_reason_before", Type.TEXT, "Reason for that outcome, null if the link is the same", OWN_SOURCE),
        Column("since_before", Type.DATE, "As-at date since which that link was valid, null if the link is the same", OWN_SOURCE),
    )
    return Table(
        name=f"links_{extract}",
        grain=f"one client of {extract}, by the source's own number",
        source=OWN_SOURCE,
        key=("client",),
        columns=(
            Column("client", Type.TEXT, "Keyed token of the source's own number for the client, the same in every run under one key", OWN_SOURCE),
            Column("person", Type.TEXT, "Pseudonym of most of the client's records, linked records before others", OWN_SOURCE),
            *(column for column in TRACE_COLUMNS if column.name in ("outcome", "trace_reason")),
            Column("since", Type.DATE, "As-at date of the first run with this link", OWN_SOURCE),
            Column(
                "change",
                Type.TEXT,
                "links_kept, links_found, links_moved, links_lost or links_neither; null for a client who was not in the previous run",
                OWN_SOURCE,
            ),
            *previous_columns,
        ),
    )


PSEUDONYMISED: dict[str, Table] = {
    table.name: table
    for table in (
        *(CONTACTS, PEOPLE, SPELLS, ACTIVITY, COSTS, STRATA, CARE, TRANSFERS),
        *(loose_links_table(extract) for extract in EXTRACTS),
        *(links_table(extract) for extract in EXTRACTS if extract != REGISTER),
    )
}
