import datetime

import pandas as pd
import pytest

from kerasfast.fastai.internals.stand_ins import DataFrameSummary, Optional, Week


def test_weeks_as_lesson_3_takes_them():
    assert Week(2014, 1).monday() == datetime.date(2013, 12, 30) and Week(2014.0, 1.0).sunday() == datetime.date(
        2014, 1, 5
    )
    assert Week(1900, 1).monday() == datetime.date(1900, 1, 1)
    days = pd.to_datetime(pd.DataFrame({"y": [2010], "w": [13]}).apply(lambda x: Week(x.y, x.w).monday(), axis=1))
    assert days[0] == pd.Timestamp("2010-03-29")


def test_a_summary_counts_what_is_missing():
    summary = DataFrameSummary(pd.DataFrame({"a": [1.0, None, 3.0], "b": ["x", "x", "y"]})).summary()
    assert summary.loc["missing", "a"] == 1 and summary.loc["uniques", "b"] == 2 and summary.loc["mean", "a"] == 2


def test_packages_are_imported_when_they_are_used():
    assert Optional("json", "json").loads("1") == 1
    assert Optional("math", "math", log_loss=5).log_loss == 5
    with pytest.raises(ImportError, match="pip install some-package"):
        Optional("no_such_module", "some-package").thing
    with pytest.raises(AttributeError):
        Optional("json", "json").__wrapped__
