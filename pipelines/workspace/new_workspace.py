"""Makes a new workspace: its folders, its own keys, and a `locality.toml` to fill in."""

from __future__ import annotations

from pathlib import Path

from bcf_linkage.definitions.atomic_files import write_bytes_atomically
from bcf_linkage.definitions.errors import EnvironmentFault, UsageError
from bcf_linkage.definitions.extracts import EXTRACTS
from bcf_linkage.storage.store import Workspace
from bcf_linkage.storage.zones import make_folders_private
from pipelines.workspace.key_access import create_vault
from pipelines.workspace.settings import SETTINGS_FILE

_HEADER = """# A workspace of bcf-linkage: who shares what with whom, and on what legal basis. Every key is required; unknown keys are refused.

[locality]
name = "Anytown"              # as reports show it
code = "00X"                  # ODS code of the commissioner
kind = "live"                 # "live" accepts only NHS numbers that are issued to people; "synthetic" only the range that is never issued
purpose = "risk stratification" # what the data are used for; it decides which objections apply, and agreements must cover it
council = "Anytown Council"
hospital = "Anytown General Hospital"

[lookups]
# Postcode to LSOA and deprivation, from the ONS postcode directory: columns postcode, lsoa, deprivation_decile.
postcodes = "lookups/postcodes.csv"

[disclosure]
profile = "hes7r5"            # 1 to 7 suppressed, the rest rounded to the nearest 5

# The practices of the locality, by cluster or neighbourhood team. List all of them.
[[clusters]]
code = "C1"
name = "Central"
practices = [
    { code = "Z00001", name = "The Surgery" },
]

# One section for each extract that is shared. Remove a source that is not shared; the GP register is required.
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
valid_to = 2015-03-31         # the last day of use

"""

_BASES = {"adult_social_care": "pseudonymised third party"}

_GOVERNANCE = """# Keys are files in the vault unless stated here. {id} is replaced by a key's id, such as pseudonym-1. Never write a key in this file.
# [keys]
# recipient = "00X"                             # pseudonyms differ between recipients and projects
# project = "risk stratification"
# pseudonym = { file = "/secure/{id}.key" }     # or { environment = "BCF_{id}" }, or { command = ["site-keys", "get", "{id}"] }
# register = { file = "/secure/{id}.key" }

# Opt-outs other than type 1, which the GP register records. `bcf opt-outs` requests and imports the lists.
# [opt_outs]
# mailbox = "8HQ50OT001"                        # the MESH mailbox that the national check is sent from
# local_objections = true                       # a list of local objections is required

# Retention periods, for `bcf prune`. A zone that is not named is kept for good.
# [retention]
# landing = { days = 90 }                       # after the last publication that used a delivery
# pseudonymised = { runs = 13 }
# published = { runs = 36 }
# registers = { runs = 13 }                     # the re-identification registers of runs, and the lists for their sources
# bridges = { days = 365 }                      # after the rotation; a bridge leads from pseudonyms under one key to those under the next
# reidentified = { days = 30 }                  # exported lists that are still in the vault

# Who may request re-identification of a practice's own patients for direct care, and who else must approve it.
# [reidentification.Z00001]
# requesters = ["a.gp"]
# approvers = ["c.guardian"]

"""

_GATE = """# The share of rows that may break a rule, where the national tolerance does not fit, for example:
# [gate.adult_social_care]
# "nhs_number: required" = { tolerance_percent = 90, owner = "information analyst", reason = "the council records it from next April" }
"""


def create_workspace(folder: Path) -> tuple[Path, ...]:
    """Make a workspace. Return the paths that were made. Raises UsageError if the folder is a workspace already, EnvironmentFault if it cannot be written."""
    settings = folder / SETTINGS_FILE
    if settings.exists():
        raise UsageError(f"{settings}: this folder is a workspace already; choose another")
    landing = tuple(folder / "landing" / name for name in EXTRACTS)
    try:
        for directory in (*landing, folder / "lookups"):
            directory.mkdir(parents=True, exist_ok=True)
        sources = "".join(_SOURCE.format(name=name, basis=_BASES.get(name, "section 251")) for name in EXTRACTS)
        write_bytes_atomically(settings, (_HEADER + sources + _GOVERNANCE + _GATE).encode())
    except OSError as error:
        raise EnvironmentFault(f"{folder}: cannot be written ({error.strerror}); choose another folder or ask for the right to write") from None
    create_vault(folder)
    make_folders_private(Workspace(folder))
    return (settings, *landing, folder / "lookups", folder / "vault" / "keys")
