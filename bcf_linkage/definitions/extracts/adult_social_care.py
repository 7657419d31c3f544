"""Adult social care: one row per request, assessment, service or review.

The layout is Client Level Data, first collected in 2023. In 2014 the national returns were aggregates (SALT, RAP, ASC-CAR)
without a person-level layout, so the later layout is used for 2014 as well.
"""

from bcf_linkage.definitions.columns import CLD, PRACTICE, address, birth_date, coded, essential, names, nhs_number, required
from bcf_linkage.definitions.schema import Between, Column, Consequence, Identity, Matches, NotBefore, Table, Type

COST = Between(low=0, consequence=Consequence.BLANK_VALUE)

CARE_HOMES = ("Long term support: Residential care", "Long term support: Nursing care")
"""The service types of care in a care home."""

HOME_CARE = "Home support or domiciliary care"
"""The service component of care at home."""

ADULT_SOCIAL_CARE = Table(
    name="adult_social_care",
    grain="one request, assessment, service or review",
    source=CLD,
    key=("event_reference",),
    event_date="event_start_date",
    event_end="event_end_date",
    columns=(
        Column(
            "la_code",
            Type.TEXT,
            "Code of the local authority",
            CLD,
            required(Matches(pattern=r"[0-9]{3}|E[0-9]{8}", meaning="a council's three-digit or ONS code")),
        ),
        Column("event_reference", Type.TEXT, "The council's number for the event", CLD, required(), Identity.RECORD_ID),
        Column("la_person_unique_identifier", Type.TEXT, "The council's own number for the client", CLD, required(), Identity.LOCAL_ID),
        *nhs_number(CLD, None),
        *names(),
        birth_date(CLD),
        Column("date_of_death", Type.DATE, "Date of death, blank for the living", CLD, on_type_error=Consequence.BLANK_VALUE),
        Column("gender", Type.TEXT, "Person stated gender code", CLD, (coded("sex"),)),
        Column("ethnicity", Type.TEXT, "Ethnic category", CLD, (coded("ethnic_category"),)),
        *address(postcode_source=CLD),
        Column("gp_practice_code", Type.TEXT, "Practice with which the council believes the client registered", CLD, (PRACTICE,)),
        Column("client_type", Type.TEXT, "Service user or carer", CLD, essential("cld_client_type")),
        Column("primary_support_reason", Type.TEXT, "Main reason for support", CLD, (coded("cld_primary_support_reason"),)),
        Column("accommodation_status", Type.TEXT, "Where the client lives", CLD, (coded("cld_accommodation_status"),)),
        Column("event_type", Type.TEXT, "Request, assessment, service or review", CLD, essential("cld_event_type")),
        Column("event_start_date", Type.DATE, "First day of the event", CLD, required()),
        Column("event_end_date", Type.DATE, "Last day, blank while the service continues", CLD, (NotBefore(other="event_start_date"),)),
        Column("event_outcome", Type.TEXT, "What followed the event", CLD, (coded("cld_event_outcome"),)),
        Column("request_route_of_access", Type.TEXT, "How a request came in", CLD, (coded("cld_route_of_access"),)),
        Column("assessment_type", Type.TEXT, "Kind of assessment", CLD, (coded("cld_assessment_type"),)),
        Column("review_reason", Type.TEXT, "Reason for a review", CLD, (coded("cld_review_reason"),)),
        Column("service_type", Type.TEXT, "Kind of service", CLD, (coded("cld_service_type"),)),
        Column("service_component", Type.TEXT, "What the service consists of", CLD, (coded("cld_service_component"),)),
        Column("delivery_mechanism", Type.TEXT, "How the service is arranged", CLD, (coded("cld_delivery_mechanism"),)),
        Column("unit_cost", Type.DECIMAL, "Cost of one unit, in pounds", CLD, (COST,), on_type_error=Consequence.BLANK_VALUE),
        Column("cost_frequency_unit_type", Type.TEXT, "What one unit is: a week, an hour, once", CLD, (coded("cld_cost_frequency"),)),
        Column("planned_units_per_week", Type.DECIMAL, "Units planned for a week", CLD, (COST,), on_type_error=Consequence.BLANK_VALUE),
    ),
)
