"""Objections (opt-outs): who has made one, and the files that carry them. They are applied before records are linked."""
