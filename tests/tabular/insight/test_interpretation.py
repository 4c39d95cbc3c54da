"""What is told of a table whose rule is known: which columns matter, how, and where the answers are wrong."""

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.targets import TargetStatistics
from kerasfast.tabular.insight.importance import column_positions
from kerasfast.tabular.insight.interpretation import TableInterpretation
from kerasfast.tabular.pipeline.rows import RowEncoder


def frame_of(rng, rows: int = 1200) -> pd.DataFrame:
    """price = 10 x size + 5 in the north; nothing of weather; some sizes are missing; and later rows cost 3 more."""
    frame = pd.DataFrame(
        {
            "day": pd.date_range("2020-01-01", periods=rows, freq="D"),
            "town": rng.choice(["north", "south", "west"], rows),
            "size": rng.normal(size=rows),
            "weather": rng.normal(size=rows),
        }
    )
    frame["price"] = 10 * frame["size"] + 5 * (frame["town"] == "north") + 3 * (np.arange(rows) >= rows // 2)
    frame["dear"] = np.where(frame["price"] > 0, "yes", "no")
    frame.loc[::40, "size"] = np.nan
    return frame


def interpreted(frame: pd.DataFrame, target: str, **options) -> TableInterpretation:
    """Predictions that know size and town but not the day."""
    encoder = TableEncoder(["town"], ["size", "weather"], dates=["day"]).fit(frame)
    statistics = TargetStatistics(target)
    statistics.update(frame)
    rows = RowEncoder(encoder, statistics.target())(frame)

    def predict(part):
        table = encoder.inverse_transform(part.codes, part.values)
        price = 10 * table["size"].fillna(0).to_numpy() + 5 * (table["town"] == "north").to_numpy()
        if target == "price":
            return price[:, None]
        yes = 1 / (1 + np.exp(-price))
        return np.stack([1 - yes, yes], axis=1)

    positions = column_positions(encoder.cardinalities, encoder.value_names, encoder)
    return TableInterpretation(
        rows, predict, statistics.target(), positions, cardinalities=encoder.cardinalities, encoder=encoder, **options
    )


def test_importance_finds_what_is_used_and_how_sure_that_is(rng):
    frame = interpreted(frame_of(rng), "price").importance(repeats=2)
    assert frame.index[:2].tolist() == ["size", "town"] and set(frame.index) == {"size", "town", "weather", "day"}
    assert frame.loc["size", "importance_low"] > 1 > frame.loc["town", "importance_high"] > 0
    assert frame.loc[["weather", "day"], "importance"].tolist() == [0, 0]


def test_partial_dependence_follows_the_rule(rng):
    report = interpreted(frame_of(rng), "price")
    curve = report.partial_dependence("size", points=9)
    slopes = np.diff(curve["prediction"]) / np.diff(curve["size"])
    np.testing.assert_allclose(slopes, 10, rtol=1e-4)
    assert curve["n"].sum() == 1200 - 30
    towns = report.partial_dependence("town").set_index("town")["prediction"]
    assert towns["north"] - towns["south"] == pytest.approx(5, abs=0.01)
    with pytest.raises(ValueError, match="'size'"):
        report.partial_dependence("sizes")


def test_residuals_show_what_the_model_does_not_know(rng):
    report = interpreted(frame_of(rng).dropna(), "price")
    by_day = report.residuals("day", bins=4)
    assert by_day.index[0] == "from 2020-01-02" and by_day["n"].sum() == 1170
    np.testing.assert_allclose(by_day["residual"], [0, 0, -3, -3], atol=0.1)
    assert by_day["residual_high"].iloc[2] < by_day["residual_low"].iloc[1]
    by_town = report.residuals("town")
    assert set(by_town.index) == {"north", "south", "west"} and by_town["residual"].between(-2, -1).all()
    assert len(report.residuals("weather", bins=5)) == 5
    assert report.plot_residuals("day").get_title(loc="left") == "Mean residual by day"


def test_a_question_is_calibrated_and_its_mistakes_are_named(rng):
    report = interpreted(frame_of(rng), "dear")
    assert 0 < report.calibration_error() < 0.2 and report.calibration()["probability"].max() > 0.9
    wrong = report.most_wrong(5)
    assert (wrong["truth"] != wrong["prediction"]).all() and wrong["probability_of_truth"].max() < 0.5
    assert {"town", "size", "day_Year"} <= set(wrong.columns)
    assert report.per_class(resamples=0).loc["yes", "recall"] > 0.7 and report.confused_pairs()["n"].sum() > 0
    with pytest.raises(ValueError, match="residuals"):
        interpreted(frame_of(rng), "price").calibration()


@pytest.mark.slow
@pytest.mark.parametrize("target", ["price", "dear"])
def test_the_page_tells_all_of_it(target, rng, tmp_path):
    frame = frame_of(rng, 600)
    learned = interpreted(frame_of(rng, 400), target).rows
    report = interpreted(frame, target, train=learned, facts={"model": "a rule"})
    text = report.report(tmp_path / "r.html", model="houses.kerasfast").read_text("utf-8")
    for part in ("The model beats the best constant answer", "a rule", "houses.kerasfast", "regression", "weather"):
        assert part in text
    assert ("Whether to believe it" in text) == (target == "dear") and "600 held out" in text


def test_rows_need_targets(rng):
    report = interpreted(frame_of(rng, 50), "price")
    with pytest.raises(ValueError, match="no targets"):
        TableInterpretation(report.rows._replace(targets=None), lambda part: None, report.target, {}, cardinalities={})
