"""What the tests of the server share."""

import numpy as np
import pandas as pd
import pytest

import kerasfast as kf


@pytest.fixture(scope="session")
def towns() -> kf.TablePredictor:
    """A model of houses that has seen two epochs: good enough to be asked."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"town": random.choice(["Lund", "<b>Ystad</b>"], 64), "rooms": random.integers(1, 9, 64)})
    frame["sold"] = pd.date_range("2024-01-01", periods=64).strftime("%Y-%m-%d")
    frame["dear"] = np.where(frame["rooms"] > 4, "yes", "no")
    data = kf.TableData.from_frame(
        frame, "dear", categorical=["town"], continuous=["rooms"], dates=["sold"], valid_fraction=0.2, batch_size=16
    )
    learn = kf.TableLearner.entity_embeddings(data, [8])
    learn.fit(0.01, 1)
    return learn.predictor
