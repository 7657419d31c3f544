"""Tables of the pseudonymised zone: people without names."""

from __future__ import annotations

from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.definitions.extracts.hospital_admissions import HOSPITAL_ADMISSIONS
from bcf_linkage.definitions.places import KEPT
from bcf_linkage.definitions.schema import Column, Identity, Table, Type

OURS = "bcf-linkage"
REGISTER = "gp_registrations"

PERSON = Column("person", Type.TEXT, "Keyed pseudonym: 32 letters a to p", OURS)

TRACE = (
    Column("file", Type.TEXT, "Name of the file that the row came in", OURS),
    Column("row", Type.INTEGER, "Position of the row in its file, the first after the header being 1", OURS),
    PERSON,
    Column("place", Type.TEXT, f"Where the trace ended: {', '.join(KEPT)}", OURS),
    Column("trace_reason", Type.TEXT, "Why the trace ended there: of a linked row, the rung that found its person", OURS),
    Column("trace_score", Type.DECIMAL, "Weight of all fields for the likeliest person, in bits; null unless they were weighed", OURS),
    Column("trace_margin", Type.DECIMAL, "Bits by which the likeliest person lies above the next; null without a next", OURS),
    Column("trace_pattern", Type.TEXT, "How the fields that were looked at agree, such as N.G=F~D=S=P-A=: a letter for the field, a code for the level", OURS),
    Column("number_state", Type.TEXT, "sound, or what is wrong with the NHS number as supplied", OURS),
    Column("nhs_number_status_derived", Type.TEXT, "NHS number status indicator code that the trace derived, 01 to 08", OURS),
)

BORN = (
    Column("age", Type.INTEGER, "Age in whole years on the as-at date, null if the date of birth is not known", OURS),
    Column("birth_month", Type.TEXT, "Month of birth, YYYY-MM", OURS),
)

LIVES = (
    Column("lsoa", Type.TEXT, "Lower layer super output area of the postcode", OURS),
    Column("deprivation_quintile", Type.INTEGER, "National quintile of the Index of Multiple Deprivation, 1 the most deprived", OURS),
)


def received(extract: Table) -> Table:
    """What is kept of an extract once it is pseudonymised: one row per row kept, no identifier.

    The spell number stays as a token, since it joins the episodes of one spell.
    """
    kept = tuple(
        column if column.identity is None else Column(column.name, Type.TEXT, f"Keyed token of: {column.meaning}", OURS)
        for column in extract.columns
        if column.identity in (None, Identity.SPELL_ID)
    )
    born = BORN if extract.identity(Identity.BIRTH_DATE) else ()
    lives = LIVES if extract.identity(Identity.POSTCODE) else ()
    return Table(f"received_{extract.name}", extract.grain, extract.source, (*TRACE, *born, *lives, *kept), key=("file", "row"))


PEOPLE = Table(
    name="people",
    grain="one person: registered on the as-at date, or seen by a service and not registered",
    source=OURS,
    key=("person",),
    columns=(
        PERSON,
        Column(
            "population",
            Type.TEXT,
            "registered; not registered (a sound NHS number the register does not hold, or whose registration has ended); untraced",
            OURS,
        ),
        Column("practice_code", Type.TEXT, "Practice of registration, null if not registered", OURS),
        Column("sex", Type.TEXT, "Person stated gender code", OURS),
        Column("ethnic_category", Type.TEXT, "Ethnic category", OURS),
        *BORN,
        Column("age_band", Type.TEXT, "Age in bands: 00-17, 18-64, 65-74, 75-84, 85+", OURS),
        *LIVES,
        Column("residential_institute", Type.TEXT, "Y where the register marks the address as a residential institute", OURS),
        Column("named_gp", Type.TRUTH, "Whether the register names an accountable GP", OURS),
    ),
)

ACTIVITY = Table(
    name="activity",
    grain="one person's activity of one kind in one month",
    source=OURS,
    key=("person", "month", "setting", "activity"),
    columns=(
        PERSON,
        Column("month", Type.DATE, "First day of the month", OURS),
        Column("setting", Type.TEXT, "The extract that the activity comes from", OURS),
        Column("activity", Type.TEXT, "Kind of activity, an item of the unit costs", OURS),
        Column("quantity", Type.DECIMAL, "Units of activity", OURS),
        Column("cost", Type.DECIMAL, "Quantity times unit cost, in pounds", OURS),
    ),
)

STRATA = Table(
    name="strata",
    grain="one person of `people`",
    source=OURS,
    key=("person",),
    columns=(
        PERSON,
        Column("health_cost", Type.DECIMAL, "Cost to the NHS in the twelve months to the as-at date, in pounds", OURS),
        Column("social_care_cost", Type.DECIMAL, "Cost to the council in the twelve months to the as-at date, in pounds", OURS),
        Column("band", Type.TEXT, "Resource-utilisation band by equal cost, null if not registered", OURS),
        Column("high_risk", Type.TRUTH, "Among the costliest 2% of the practice's adults", OURS),
    ),
)

SPELLS = Table(
    name="spells",
    grain="one hospital provider spell, as its first episode tells it",
    source=OURS,
    key=("hospital_provider_spell_number",),
    event_date="start_date_hospital_provider_spell",
    event_end="discharge_date_from_hospital_provider_spell",
    columns=(
        PERSON,
        Column("registered", Type.TRUTH, "Whether the person was registered with a practice of the locality on the day of admission", OURS),
        Column("age", Type.INTEGER, "Age in whole years in the month of admission", OURS),
        Column("nights", Type.INTEGER, "Nights from admission to discharge, to the as-at date while the person is still in hospital", OURS),
        Column("ambulatory_care_sensitive", Type.TEXT, "Chronic ambulatory care sensitive condition of the first episode, null if it is none", OURS),
        *(
            column
            for column in received(HOSPITAL_ADMISSIONS).columns
            if column.name in HOSPITAL_ADMISSIONS.names
            and column.name not in ("episode_number", "start_date_consultant_episode", "end_date_consultant_episode", "nhs_number_trace_status")
        ),
    ),
)

CARE = Table(
    name="care",
    grain="one person of `people`",
    source=OURS,
    key=("person",),
    columns=(
        PERSON,
        Column("case_management_register", Type.TRUTH, "On the case-management register: admission avoidance care started and not since ended", OURS),
        Column("care_plan", Type.TRUTH, "A care plan agreed, not since declined, and admission avoidance care not since ended", OURS),
        Column("accountable_professional", Type.TRUTH, "The register names an accountable GP, or the person was told of one", OURS),
        Column("long_term_conditions", Type.INTEGER, "Distinct long-term conditions ever coded in general practice", OURS),
        Column("social_care", Type.TRUTH, "Client of adult social care in the twelve months to the as-at date: a request, assessment, service or review", OURS),
        Column("care_home", Type.TRUTH, "In a residential institute by the GP register, or in a care home that the council pays for, on the as-at date", OURS),
    ),
)

TRANSFERS = Table(
    name="transfers",
    grain="one event in which a person passes from one kind of care to another; of a delay, one month of it",
    source=OURS,
    columns=(
        PERSON,
        Column(
            "transfer",
            Type.TEXT,
            "care_home_admission (a new permanent place that the council pays for), reablement_discharge (from hospital to reablement), "
            "or delay (in hospital although ready to leave)",
            OURS,
        ),
        Column("day", Type.DATE, "Day of the transfer; of a delay, the first day of the month", OURS),
        Column("age", Type.INTEGER, "Age in whole years in the month of the transfer; of a delay or a discharge, in the month of admission", OURS),
        Column("delayed_days", Type.INTEGER, "Days of the month on which the person was ready to leave, null unless a delay", OURS),
        Column(
            "at_home", Type.TRUTH, "Alive, not in hospital and not in a care home on the 91st day after a reablement discharge; null if not yet known", OURS
        ),
    ),
)

CONTACTS = Table(
    name="contacts",
    grain="one person, extract and place, and all that records of the extract tell alike of the person",
    source=OURS,
    columns=(
        PERSON,
        Column("extract", Type.TEXT, "Name of the extract", OURS),
        Column("place", Type.TEXT, f"Where the trace of the records ended: {', '.join(KEPT)}", OURS),
        *BORN,
        Column("sex", Type.TEXT, "Person stated gender code", OURS),
        Column("ethnic_category", Type.TEXT, "Ethnic category", OURS),
        *LIVES,
        Column("residence", Type.TEXT, "Code of where the person lives or came from, as the extract writes it", OURS),
        Column("first_day", Type.DATE, "Day of the first of the records", OURS),
        Column("last_day", Type.DATE, "Day of the last of the records", OURS),
        Column("records", Type.INTEGER, "How many records tell so", OURS),
    ),
)

COSTS = Table(
    name="costs",
    grain="one person and setting",
    source=OURS,
    key=("person", "setting"),
    columns=(
        PERSON,
        Column("setting", Type.TEXT, "The extract that the activity comes from", OURS),
        Column("cost", Type.DECIMAL, "Cost of the 24 months to the as-at date, in pounds", OURS),
        Column("year_cost", Type.DECIMAL, "Cost of the twelve months to the as-at date, in pounds", OURS),
    ),
)


def loose_links(extract: str) -> Table:
    """Whom the unlinked people of an extract would be linked to on too little. Read only to tell how far a looser rule would move what is counted."""
    return Table(
        name=f"loose_links_{extract}",
        grain=f"one unlinked pseudonym of {extract} with a candidate",
        source=OURS,
        key=("person",),
        columns=(
            Column("person", Type.TEXT, "The pseudonym under which the records stand unlinked", OURS),
            Column("candidate", Type.TEXT, "The pseudonym of the person that they might be, unverified", OURS),
        ),
    )


def links(extract: str) -> Table:
    """To whom each client of a source is linked, since when, and what became of the link since the run before."""
    before = (
        Column("person_before", Type.TEXT, "The pseudonym under which the client's records stood in the run before, null if the same", OURS),
        Column("place_before", Type.TEXT, "Where their trace ended in the run before, null if the link is the same", OURS),
        Column("trace_reason_before", Type.TEXT, "Why it ended there, null if the link is the same", OURS),
        Column("since_before", Type.DATE, "Since when they had stood so, null if the link is the same", OURS),
    )
    return Table(
        name=f"links_{extract}",
        grain=f"one client of {extract}, by the source's own number",
        source=OURS,
        key=("client",),
        columns=(
            Column("client", Type.TEXT, "Keyed token of the source's own number for the client, the same in every run under one key", OURS),
            Column("person", Type.TEXT, "The pseudonym under which most of the client's records stand, those linked before others", OURS),
            *(column for column in TRACE if column.name in ("place", "trace_reason")),
            Column("since", Type.DATE, "The as-at date of the first run from which on the client has been linked so", OURS),
            Column("change", Type.TEXT, "links_kept, links_found, links_moved, links_lost or links_neither; null for who was not in the run before", OURS),
            *before,
        ),
    )


PSEUDONYMISED: dict[str, Table] = {
    table.name: table
    for table in (
        *(CONTACTS, PEOPLE, SPELLS, ACTIVITY, COSTS, STRATA, CARE, TRANSFERS),
        *(loose_links(extract) for extract in EXTRACTS),
        *(links(extract) for extract in EXTRACTS if extract != REGISTER),
    )
}
