"""What a type checker says about the public names: it sees their own types, not `Any`. Read by mypy, never run."""

from typing import assert_type

import numpy as np
import pandas as pd

import kerasfast as kf


def pictures(data: kf.ImageData) -> None:
    assert_type(kf.transforms_side_on(224), kf.Transforms)
    assert_type(kf.ImageData.from_folders("dogscats"), kf.ImageData)
    assert_type(data.classes, tuple[str, ...])
    learn = kf.ImageLearner.pretrained("resnet34", data)
    assert_type(learn, kf.ImageLearner)
    views, _targets = learn.tta()
    assert_type(views, np.ndarray)


def tables(frame: pd.DataFrame, data: kf.TableData) -> None:
    assert_type(kf.TableData.from_frame(frame, "y", continuous=["x"]), kf.TableData)
    assert_type(kf.TableLearner.entity_embeddings(data, [10]), kf.TableLearner)
    assert_type(kf.TablePredictor.load("model.kerasfast"), kf.TablePredictor)


def parts() -> None:
    assert_type(kf.rmspe_score(np.ones(2), np.ones(2)), float)
    kf.ImageLearner.pretrained("resnet34")  # type: ignore[call-arg]
    kf.sgdr(cycle_len="1")  # type: ignore[arg-type]
    kf.no_such_name  # type: ignore[attr-defined]


def metrics() -> None:
    assert_type(kf.FBeta(), kf.FBeta)
    assert_type(kf.best_threshold(np.ones((2, 3)), np.ones((2, 3))), tuple[float, float])
