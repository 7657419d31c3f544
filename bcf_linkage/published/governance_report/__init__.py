"""What a run writes of itself for information governance: where the data went, and drafts that a person completes. Published figures alone."""
