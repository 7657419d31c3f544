"""The only code that ever sees an identifier. None is ever written to disk from here, and so Polars may not either.

Short of memory, Polars puts parts of a query aside in files, in the clear. No part is ever large enough for that once this
package is imported, whatever the environment says; the query then fails for want of memory instead.
"""

import os

import polars as pl

os.environ["POLARS_OOC_SPILL_MIN_BYTES"] = str(1 << 62)
pl.Config.reload_env_vars()
