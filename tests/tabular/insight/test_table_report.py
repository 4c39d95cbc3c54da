"""What the report says of the columns of a table."""

import pandas as pd
import pytest

from kerasfast.tabular.insight.table_report import _about


@pytest.mark.parametrize(
    ("values", "most"), [([-1.1e-7, 3, 8], "0 to 8"), ([1e-9, 2e-9], "1e-09 to 2e-09"), ([-2.5, 1], "-2.5 to 1")]
)
def test_the_range_of_numbers_has_no_dust_of_standardising(values, most):
    assert _about(pd.Series(values), "number")["most"] == most
