"""Two expectations that Great Expectations does not have: a real date, and the NHS number's check digit.

Importing this module imports Great Expectations, which takes seconds.
"""

from __future__ import annotations

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider
from great_expectations.expectations.metrics.map_metric_provider import column_condition_partial

from expectations.values import has_check_digit, parse_date


class ColumnValuesRealDate(ColumnMapMetricProvider):
    """A metric: which values are a real date."""

    condition_metric_name = "column_values.real_date"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **kwargs: object) -> pd.Series:  # noqa: N805 - Great Expectations makes it a class method
        return column.map(parse_date).notna()


class ExpectColumnValuesToBeRealDates(ColumnMapExpectation):
    """Expect every value to be a real date written YYYY-MM-DD."""

    map_metric = ColumnValuesRealDate.condition_metric_name


class ColumnValuesCheckDigit(ColumnMapMetricProvider):
    """A metric: which values have the NHS number's check digit."""

    condition_metric_name = "column_values.nhs_number_check_digit"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **kwargs: object) -> pd.Series:  # noqa: N805 - Great Expectations makes it a class method
        return column.map(has_check_digit).astype(bool)


class ExpectColumnValuesToHaveCheckDigit(ColumnMapExpectation):
    """Expect every value to be ten digits, the last the modulus 11 check digit, and not one digit repeated."""

    map_metric = ColumnValuesCheckDigit.condition_metric_name
