import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from kerasfast.fastai.structured import reset_rf_samples, set_rf_samples


def rows_of(forest) -> int:
    return int(forest.estimators_[0].tree_.weighted_n_node_samples[0])


def test_trees_are_grown_from_so_many_rows_until_the_limit_is_taken_back():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    own = RandomForestRegressor.fit
    try:
        set_rf_samples(20)
        set_rf_samples(10)
        assert rows_of(RandomForestRegressor(1).fit(x, y)) == 10
        assert rows_of(RandomForestClassifier(1).fit(x, y > 0)) == 10
        assert rows_of(RandomForestRegressor(1).fit(x[:7], y[:7])) == 7
        assert rows_of(RandomForestRegressor(1, bootstrap=False).fit(x, y)) == 60
        forest = RandomForestRegressor(1, max_samples=30, oob_score=False).fit(x, y)
        assert rows_of(forest) == 30 and forest.max_samples == 30
    finally:
        reset_rf_samples()
    forest = RandomForestRegressor(1).fit(x, y)
    assert rows_of(forest) == 60 and forest.max_samples is None and RandomForestRegressor.fit is own
    with pytest.raises(ValueError, match="n"):
        set_rf_samples(0)
