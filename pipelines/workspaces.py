"""A new workspace: its folders, keys of its own, and a `locality.toml` to fill in."""

from __future__ import annotations

from pathlib import Path

from bcf_linkage.definitions.errors import EnvironmentRefused, RequestRefused
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.zones import close_to_others
from pipelines.custody import begin_vault
from pipelines.settings import FILE

_HEAD = """# A workspace of bcf-linkage: who shares what with whom, and on what basis. Every key is needed; unknown keys are refused.

[locality]
name = "Anytown"              # as it should stand in reports
code = "00X"                  # ODS code of the commissioner
kind = "live"                 # "live" takes only numbers that are issued to people; "synthetic" only the range that never is
purpose = "risk stratification" # what the data are used for; it decides which objections hold, and agreements must cover it
council = "Anytown Council"
hospital = "Anytown General Hospital"

[lookups]
# Postcode to LSOA and deprivation, cut from the ONS postcode directory: columns postcode, lsoa, deprivation_decile.
postcodes = "lookups/postcodes.csv"

[disclosure]
profile = "hes7r5"            # 1 to 7 suppressed, the rest to the nearest 5

# The practices of the locality, in the clusters or neighbourhoods that work as teams. List all of them.
[[clusters]]
code = "C1"
name = "Central"
practices = [
    { code = "Z00001", name = "The Surgery" },
]

# One section for each extract that is shared. A source that is not shared is left out; the GP register must be there.
# legal_basis is one of section 251, consent, pseudonymised third party, direct care, legal duty. Social care data need the second or third.
"""

_SOURCE = """[sources.{name}]
supplier = "who sends it"
agreement = "reference of the data sharing agreement"
parties = ["who sends it", "who receives it"]
purposes = ["risk stratification"]
data_sets = ["{name}"]
legal_basis = "{basis}"
valid_from = 2014-04-01
valid_to = 2015-03-31         # the last day on which it may be used

"""

_BASES = {"adult_social_care": "pseudonymised third party"}

_GOVERNANCE = """# Keys lie in the vault unless this says otherwise. {id} stands for a key's id, such as pseudonym-1; a key itself never stands here.
# [keys]
# recipient = "00X"                             # for whom pseudonyms are made: each recipient and project has its own
# project = "risk stratification"
# pseudonym = { file = "/secure/{id}.key" }     # or { environment = "BCF_{id}" }, or { command = ["site-keys", "get", "{id}"] }
# register = { file = "/secure/{id}.key" }

# Who objects, beside type 1 objections, which the GP register tells. `bcf opt-outs` asks and takes the lists.
# [opt_outs]
# mailbox = "8HQ50OT001"                        # the MESH mailbox that the national check is asked from
# local_objections = true                       # there must be a list of them

# How long things are kept, for `bcf prune`. What is not named is kept for good.
# [retention]
# landing = { days = 90 }                       # after a run last published from a delivery
# pseudonymised = { runs = 13 }
# published = { runs = 36 }
# registers = { runs = 13 }                     # the way back from the pseudonyms of a run, and the lists for its sources
# bridges = { days = 365 }                      # from pseudonyms under an older key to those under the next, after the rotation
# reidentified = { days = 30 }                  # lists that were left in the vault

# Who may ask for a practice's own patients by name, for direct care, and who else must approve it.
# [reidentification.Z00001]
# requesters = ["a.gp"]
# approvers = ["c.guardian"]

"""

_GATE = """# How much of a delivery may break a rule, where the national tolerance does not fit, for example:
# [gate.adult_social_care]
# "nhs_number: required" = { tolerance_percent = 90, owner = "information analyst", reason = "the council records it from next April" }
"""


def initialise(folder: Path) -> tuple[Path, ...]:
    """Make a workspace and say what was made. Raises RequestRefused if there is one, EnvironmentRefused if it cannot be written."""
    settings = folder / FILE
    if settings.exists():
        raise RequestRefused(f"{settings}: there is a workspace here already; choose another folder")
    landing = tuple(folder / "landing" / name for name in EXTRACTS)
    try:
        for place in (*landing, folder / "lookups"):
            place.mkdir(parents=True, exist_ok=True)
        settings.write_text(
            _HEAD + "".join(_SOURCE.format(name=name, basis=_BASES.get(name, "section 251")) for name in EXTRACTS) + _GOVERNANCE + _GATE, encoding="utf-8"
        )
    except OSError as error:
        raise EnvironmentRefused(f"{folder}: cannot be written ({error.strerror}); choose another folder or ask for the right to write") from None
    begin_vault(folder)
    close_to_others(Workspace(folder))
    return (settings, *landing, folder / "lookups", folder / "vault" / "keys")
