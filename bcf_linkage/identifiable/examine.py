"""What a delivery's rows tell: of the record, row by row, and of the person, once for each identity that the rows hold.

An identity is one combination of the values that tell whose record it is. A person's rows mostly share one, so that a number
is checked, traced and given its pseudonym once and not once per row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import narwhals as nw

from bcf_linkage.definitions import nhs_number
from bcf_linkage.definitions.places import Place
from bcf_linkage.definitions.schema import Identity, Table, Type
from bcf_linkage.definitions.trace_reasons import reasons_for
from bcf_linkage.identifiable import opt_outs, period, rules, trace
from bcf_linkage.identifiable.coarsen import age, area, birth_month

WHO = (Identity.NHS_NUMBER, Identity.LOCAL_ID, Identity.BIRTH_DATE, Identity.POSTCODE)
REGISTER = "gp_registrations"
