"""Looking for identifiers where none may be: what is looked for, and every disguise in which it could lie there."""

from bcf_linkage.identifiable.leaks.identifiers import Hit, Identifiers

__all__ = ["Hit", "Identifiers"]
