"""Where an input row can end: the ledger's places. Every row read is in exactly one."""

from enum import StrEnum


class Place(StrEnum):
    """The one place in which an input row ends."""

    UNREADABLE = "unreadable"  # ragged, or in another encoding
    REFUSED = "refused"  # breaks a rule that the row cannot do without
    DUPLICATE = "duplicate"  # the key stands on an earlier row
    OUT_OF_PERIOD = "out of period"  # before the period began or after the as-at date
    OPTED_OUT = "opted out"  # the person objects
    LINKED = "linked"  # verified against the register
    NOT_REGISTERED = "seen, not registered"  # a sound NHS number that the register does not hold
    UNLINKED = "unlinked"  # no number that can be trusted: kept under a local pseudonym


KEPT = (Place.LINKED, Place.NOT_REGISTERED, Place.UNLINKED)
"""The places whose rows go on down the river."""
