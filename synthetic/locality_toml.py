"""The commented `locality.toml` of a synthetic workspace: locality, sources, sharing agreements and exceptions at the gate."""

from __future__ import annotations

import json
from math import ceil

from synthetic.profiles import Profile, ProfileCluster

MIN_COVERAGE = 0.95
"""A source with the NHS number on a smaller share of records needs an exception at the gate."""
MARGIN_PERCENT = 10

PRIMARY_CARE, HOSPITAL, SOCIAL_CARE = "SYN-GP-01", "SYN-AC-01", "SYN-SC-01"
AGREEMENTS = {
    "gp_registrations": PRIMARY_CARE,
    "gp_events": PRIMARY_CARE,
    "hospital_admissions": HOSPITAL,
    "emergency_care": HOSPITAL,
    "outpatients": HOSPITAL,
    "adult_social_care": SOCIAL_CARE,
}

HEAD = """\
# A fictional locality. No person stands behind any record; only numbers that are never issued are accepted here.
[locality]
name = {name}
code = {code}
kind = "synthetic"
purpose = "risk stratification"
council = {council}
hospital = {hospital}

# Postcode to LSOA and decile of deprivation: columns postcode, lsoa, deprivation_decile.
[lookups]
postcodes = "lookups/postcodes.csv"

# How counts are protected before they are published.
[disclosure]
profile = "hes7r5"

# Clusters of practices, the areas between practice and locality."""

SOURCE = """\
[sources.{extract}]
supplier = {supplier}
agreement = {agreement}
parties = [{supplier}, {commissioner}]
purposes = ["risk stratification", "planning"]
data_sets = [{data_sets}]
legal_basis = "made up"
valid_from = 2012-10-01
valid_to = 2099-12-31"""

REIDENTIFICATION = """\
# Who may ask for this practice's own patients by name, for direct care, and who else must approve it.
[reidentification.{practice}]
requesters = ["a.gp", "b.gp"]
approvers = ["c.guardian"]"""

GATE = """\
# What the gate lets pass beyond its own tolerance, for whom and why.
[gate.adult_social_care]
"nhs_number: required" = {{ tolerance_percent = {percent}, owner = {owner}, reason = {reason} }}"""


def render_settings(profile: Profile) -> str:
    """Return the text of the settings for a profile."""
    head = HEAD.format(
        name=_toml_string(profile.title), code=_toml_string(profile.code), council=_toml_string(profile.council), hospital=_toml_string(profile.hospital_name)
    )
    sources = ["# Who sends what, under which sharing agreement. One block for each extract.", *(_source(profile, extract) for extract in AGREEMENTS)]
    parts = [head, *(_cluster(profile, cluster) for cluster in profile.clusters), *sources, REIDENTIFICATION.format(practice=profile.practices[0].code)]
    if profile.social_care_number_coverage < MIN_COVERAGE:
        parts.append(_gate(profile))
    return "\n\n".join(parts) + "\n"


def _cluster(profile: Profile, cluster: ProfileCluster) -> str:
    own = [practice for practice in profile.practices if practice.cluster_code == cluster.code]
    practices = "\n".join(f"    {{ code = {_toml_string(practice.code)}, name = {_toml_string(practice.name)} }}," for practice in own)
    return f"[[clusters]]\ncode = {_toml_string(cluster.code)}\nname = {_toml_string(cluster.name)}\npractices = [\n{practices}\n]"


def _source(profile: Profile, extract: str) -> str:
    agreement = AGREEMENTS[extract]
    supplier = {PRIMARY_CARE: f"the practices of {profile.title}", HOSPITAL: profile.hospital_name, SOCIAL_CARE: profile.council}[agreement]
    shared = ", ".join(_toml_string(name) for name, reference in AGREEMENTS.items() if reference == agreement)
    texts = {"supplier": supplier, "agreement": agreement, "commissioner": f"the commissioner of {profile.title}"}
    return SOURCE.format(extract=extract, data_sets=shared, **{key: _toml_string(value) for key, value in texts.items()})


def _gate(profile: Profile) -> str:
    percent = min(99, ceil(100 * (1 - profile.social_care_number_coverage)) + MARGIN_PERCENT)
    owner = f"information governance lead, {profile.council}"
    reason = f"the council holds the NHS number of {profile.social_care_number_coverage:.0%} of its clients"
    return GATE.format(percent=percent, owner=_toml_string(owner), reason=_toml_string(reason))


def _toml_string(value: str) -> str:
    """Return the value as a quoted TOML string."""
    return json.dumps(value, ensure_ascii=False)
