"""Objections: who has made one, and the files in which they are told. They are applied before anything is linked."""
