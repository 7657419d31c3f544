"""The roof: steps, flows and commands. It is the one place that knows every other."""

import os

# Polars' allocator gives memory back to the system within half a second, and a run asks for the same again and again.
os.environ.setdefault("_RJEM_MALLOC_CONF", "background_thread:true,dirty_decay_ms:10000,muzzy_decay_ms:10000")
