"""The identifiable zone: the only code that sees identifiers. It never writes one to disk unencrypted, and it keeps Polars from doing so.

Short of memory, Polars writes parts of a query to files, unencrypted. This package sets the size from which it does so to a value that is
never reached, whatever the environment says. The query then fails for lack of memory instead.
"""

import os

import polars as pl

NEVER_SPILL_BYTES = 1 << 62
"""More bytes than any machine has, within the 64-bit number that Polars reads."""

# At import, and not in a function: every way to the identifiers passes here before the first query.
os.environ["POLARS_OOC_SPILL_MIN_BYTES"] = str(NEVER_SPILL_BYTES)
pl.Config.reload_env_vars()
