"""The outcome of an input row. Every row that is read has exactly one."""

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of an input row, as the ledger counts it."""

    UNREADABLE = "unreadable"  # wrong number of fields, or another encoding
    REFUSED = "refused"  # breaks a rule that the row must keep
    DUPLICATE = "duplicate"  # an earlier row has the same key
    OUT_OF_PERIOD = "out of period"  # before the period or after the as-at date
    OPTED_OUT = "opted out"  # the person objects
    LINKED = "linked"  # verified against the register
    NOT_REGISTERED = "seen, not registered"  # a sound NHS number that is not on the register
    UNLINKED = "unlinked"  # no number that can be trusted: kept under a local pseudonym


KEPT_OUTCOMES = (Outcome.LINKED, Outcome.NOT_REGISTERED, Outcome.UNLINKED)
"""The outcomes whose rows are kept for the next stages."""
