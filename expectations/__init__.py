"""Great Expectations judges each delivery as a whole. Nothing here touches a row's fate: that is the row rules' part."""

import os

# Read when Great Expectations is first imported, which every module here leaves until a batch is judged.
os.environ["GX_ANALYTICS_ENABLED"] = "false"
