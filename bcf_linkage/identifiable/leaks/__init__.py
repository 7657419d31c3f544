"""Search bytes for identifiers that must not be there, plain or encoded."""

from bcf_linkage.identifiable.leaks.identifiers import IdentifierHit, Identifiers

__all__ = ["IdentifierHit", "Identifiers"]
