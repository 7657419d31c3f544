"""Faults put into a clean locality, each with a label that says where its row must end in the ledger.

A row carries at most one fault, so that a label is exact. What the person brings (an objection, a number that another shares,
a number that the council does not hold) is decided first and takes all the rows that it touches; faults of a single row are
then spread over the rest. A row without a label ends where its person does: linked if the register holds the person, else
seen and not registered.
"""

from synthetic.faults.expected import expected_places, found
from synthetic.faults.faulted import Faulted, apply
from synthetic.faults.rates import Rate, load_rates

__all__ = ["Faulted", "Rate", "apply", "expected_places", "found", "load_rates"]
