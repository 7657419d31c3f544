"""Put faults into a clean locality, each with a label that states the outcome of its row in the ledger.

A row has at most one fault, so that its label is exact. Faults of a person (an objection, a number shared with another person,
a number missing at the council) come first and claim all rows that they touch. Faults of single rows are then spread over the
other rows. A row without a label has its person's outcome: linked if the person is on the register, else seen and not registered.
"""

from synthetic.faults.ground_truth import expected_outcomes, linkable_extracts
from synthetic.faults.injection import FaultedLocality, inject_faults
from synthetic.faults.rates import FaultRate, load_rates

__all__ = ["FaultRate", "FaultedLocality", "expected_outcomes", "inject_faults", "linkable_extracts", "load_rates"]
