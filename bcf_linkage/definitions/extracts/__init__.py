"""The registry of extracts. A new source needs one declared Table and one line here."""

from bcf_linkage.definitions.extracts.adult_social_care import ADULT_SOCIAL_CARE
from bcf_linkage.definitions.extracts.emergency_care import EMERGENCY_CARE
from bcf_linkage.definitions.extracts.gp_events import GP_EVENTS
from bcf_linkage.definitions.extracts.gp_registrations import GP_REGISTRATIONS
from bcf_linkage.definitions.extracts.hospital_admissions import HOSPITAL_ADMISSIONS
from bcf_linkage.definitions.extracts.outpatients import OUTPATIENTS
from bcf_linkage.definitions.schema import Table

EXTRACTS: dict[str, Table] = {table.name: table for table in (GP_REGISTRATIONS, GP_EVENTS, HOSPITAL_ADMISSIONS, EMERGENCY_CARE, OUTPATIENTS, ADULT_SOCIAL_CARE)}
