"""`kerasfast tabular` from a strange table to predictions, and the guess of what its columns are."""

import json

import numpy as np
import pandas as pd
import pytest

from kerasfast.cli import main
from kerasfast.runs.tables import TableSettings, _data
from kerasfast.tabular.encoding.guess import guess_columns


@pytest.fixture
def table(rng) -> pd.DataFrame:
    count = 240
    frame = pd.DataFrame(
        {
            "Id": np.arange(count),
            "Day": pd.date_range("2020-01-01", periods=count).astype(str),
            "town": rng.choice(["north", "south", "west"], count),
            "rooms": rng.integers(1, 6, count),
            "area": rng.normal(80, 20, count).round(1),
            "garden": rng.choice([True, False], count),
            "notes": [f"house number {i}" for i in range(count)],
            "country": "here",
        }
    )
    frame["price"] = frame["area"] * np.where(frame["town"] == "north", 3, 1) + 50 * frame["rooms"]
    frame["dear"] = np.where(frame["price"] > frame["price"].median(), "yes", "no")
    return frame


@pytest.mark.slow
def test_a_regression_with_dates_from_the_file_to_the_submission(table, tmp_path, capfd):
    train, test = table.iloc[:200].drop(columns="dear"), table.iloc[200:].drop(columns=["dear", "price"])
    train.to_csv(tmp_path / "train.csv", index=False)
    test.to_csv(tmp_path / "test.csv", index=False)
    out = tmp_path / "run"
    options = ["--target", "price", "--id", "Id", "--log"]
    test_option = ["--test", str(tmp_path / "test.csv")]
    assert main(["tabular", str(tmp_path / "train.csv"), *options, *test_option, "--out", str(out)]) == 0
    printed, errors = capfd.readouterr()
    assert "dates        Day" in printed and "\r" not in printed + errors
    summary = json.loads((out / "summary.json").read_text())
    assert summary["rows"] == 40 and summary["score"] < 0.7 * summary["constant"]
    submission = pd.read_csv(out / "submission.csv")
    assert submission.columns.tolist() == ["Id", "price"] and submission["Id"].tolist() == list(range(200, 240))
    assert (
        main(["predict", str(out / "model.kerasfast"), str(tmp_path / "test.csv"), "--out", str(tmp_path / "p.csv")])
        == 0
    )
    np.testing.assert_allclose(pd.read_csv(tmp_path / "p.csv")["price"], submission["price"], rtol=1e-5)
    assert len(pd.read_csv(out / "history.csv")) >= 2 and (out / "importance.csv").is_file()


@pytest.mark.slow
def test_classes_as_json_and_their_evaluation(table, tmp_path, capfd):
    table.drop(columns="price").to_csv(tmp_path / "train.csv", index=False)
    out = tmp_path / "run"
    options = ["--target", "dear", "--out", str(out), "--json"]
    assert main(["tabular", str(tmp_path / "train.csv"), *options]) == 0
    summary = json.loads(capfd.readouterr().out)
    assert summary["metric"] == "accuracy" and summary["score"] > 0.7
    assert main(["evaluate", str(out / "model.kerasfast"), str(tmp_path / "train.csv"), "--json"]) == 0
    scores = json.loads(capfd.readouterr().out)
    assert scores["rows"] == 240 and set(scores["per_class"]) == {"yes", "no"}
    assert main(["predict", str(out / "model.kerasfast"), str(tmp_path / "train.csv"), "--json"]) == 0
    row = json.loads(capfd.readouterr().out)[0]
    assert list(row) == ["prediction", "no", "yes"] and row["prediction"] == max(("no", "yes"), key=row.get)
    assert "<html" in (out / "report.html").read_text("utf-8")


def test_the_latest_rows_are_held_out(table):
    shuffled = table.sample(frac=1, random_state=0)
    _, valid = _data(shuffled, guess_columns(table, "price"), TableSettings("price", date="Day"))
    assert sorted(valid["Day"]) == sorted(table["Day"])[-48:]


def test_what_cannot_be_used_is_said(table, tmp_path, capfd):
    table.to_csv(tmp_path / "t.csv", index=False)
    assert main(["tabular", str(tmp_path / "t.csv"), "--target", "cost"]) == 2
    assert "no column 'cost'" in capfd.readouterr().err
    assert main(["tabular", str(tmp_path / "t.csv"), "--target", "price", "--date", "town"]) == 2
    assert "'town' does not read as dates" in capfd.readouterr().err
    assert main(["tabular", "absent.csv", "--target", "cost"]) == 2
    assert main(["tabular", str(tmp_path), "--target", "cost"]) == 2
    assert "must end in .csv" in capfd.readouterr().err
