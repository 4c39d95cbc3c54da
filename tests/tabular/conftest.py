"""A small training table and an encoder that learned it."""

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.encoding.encoder import TableEncoder


@pytest.fixture
def train() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Store": [10, 2, 2, 7, 10, 2],
            "State": ["TH", "HE", None, "TH", "NW", "TH"],
            "Holiday": [True, False, False, True, False, False],
            "Day": pd.to_datetime(["2015-01-02", "2015-01-01", None, "2015-01-02", "2015-01-01", "2015-01-03"]),
            "Distance": [10.0, np.nan, 30.0, 20.0, 50.0, 0.0],
            "Promo": [1, 0, 1, 0, 0, 0],
        },
        index=[5, 5, 1, 2, 3, 4],
    )


@pytest.fixture
def encoder(train) -> TableEncoder:
    return TableEncoder(["Store", "State", "Holiday", "Day"], ["Distance", "Promo"]).fit(train)
