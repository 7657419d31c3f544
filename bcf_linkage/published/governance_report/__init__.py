"""The information governance report of a run: where the data went, and drafts for a person to complete. Published figures only."""
