"""The cheap peers of `accuracy.py`: ordinary, strong, with their own defaults. Each is a function from rows to predictions.

For a table: `side(task, train, test, seed)` gives predictions of the test rows: numbers for a regression, the
probability of 1 for a question of yes or no, class names for classes. For pictures: `side(features, targets,
test_features, seed)` gives probabilities (rows, classes or tags), from average-pooled activations of the network.
"""

import numpy as np
import pandas as pd
from accuracy_sets import Table


def _prepared(task: Table):
    """Numbers standardised, categories one-hot; missing numbers take the median."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", min_frequency=2)
    return make_column_transformer((numbers, list(task.continuous)), (words, list(task.categorical)))


def _target(task: Table, frame: pd.DataFrame) -> np.ndarray:
    values = frame[task.target].to_numpy()
    return np.log(values) if task.log else values


def _answers(task: Table, model, rows) -> np.ndarray:
    if task.kind == "yes_no":
        return model.predict_proba(rows)[:, 1]
    found = model.predict(rows)
    return np.exp(found) if task.log else found


def linear(task: Table, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    """Ridge or logistic regression."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    model = Ridge() if task.kind == "regression" else LogisticRegression(max_iter=2000)
    model = make_pipeline(_prepared(task), model).fit(_texts(task, train), _target(task, train))
    return _answers(task, model, _texts(task, test))


def _texts(task: Table, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(task.categorical, str))


def _categories(task: Table, train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both frames with the categories of the training rows as pandas categories."""
    inputs = [frame.drop(columns=task.target) for frame in (train, test)]
    for name in task.categorical:
        known = sorted(train[name].dropna().astype(str).unique())
        for frame in inputs:
            words = frame[name].astype(str)
            frame[name] = words.where(frame[name].notna() & words.isin(known)).astype(pd.CategoricalDtype(known))
    return inputs[0], inputs[1]


def lightgbm(task: Table, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    """LightGBM with its defaults; categories as such."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    rows, unseen = _categories(task, train, test)
    kind = LGBMRegressor if task.kind == "regression" else LGBMClassifier
    model = kind(random_state=seed, num_threads=1, verbose=-1).fit(rows, _target(task, train))
    return _answers(task, model, unseen)


def histgb(task: Table, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    """scikit-learn's HistGradientBoosting with its defaults; categories as such."""
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    rows, unseen = _categories(task, train, test)
    kind = HistGradientBoostingRegressor if task.kind == "regression" else HistGradientBoostingClassifier
    model = kind(random_state=seed).fit(rows, _target(task, train))
    return _answers(task, model, unseen)


def plain_keras(task: Table, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    """Two Dense layers on standardised and one-hot columns, 20 epochs of Adam."""
    import keras

    keras.utils.set_random_seed(seed)
    columns = _prepared(task).fit(_texts(task, train))
    rows, unseen = (_dense(columns.transform(_texts(task, frame))) for frame in (train, test))
    target, mean, deviation, classes = _target(task, train), 0.0, 1.0, np.arange(1)
    if task.kind == "classes":
        classes, target = np.unique(target, return_inverse=True)
    elif task.kind == "regression":
        mean, deviation = target.mean(), target.std()
    activation, loss = {
        "regression": ("linear", "mse"),
        "yes_no": ("sigmoid", "binary_crossentropy"),
        "classes": ("softmax", "sparse_categorical_crossentropy"),
    }[task.kind]
    hidden = [keras.layers.Dense(width, activation="relu") for width in (256, 128)]
    last = keras.layers.Dense(len(classes), activation=activation)
    model = keras.Sequential([keras.Input((rows.shape[1],)), *hidden, last])
    model.compile("adam", loss)
    model.fit(rows, (target - mean) / deviation, batch_size=128, epochs=20, verbose=0)
    found = model.predict(unseen, batch_size=4096, verbose=0)
    if task.kind == "classes":
        return classes[found.argmax(axis=1)]
    found = found[:, 0] * deviation + mean
    return np.exp(found) if task.log else found


def _dense(rows) -> np.ndarray:
    return np.asarray(rows.todense() if hasattr(rows, "todense") else rows, np.float32)


def fastai(task: Table, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    """fastai 2's tabular learner on a standardised target: 20 epochs (five from 50,000 rows) at the rate it suggests."""
    from fastai.tabular.all import (
        Categorify,
        CategoryBlock,
        FillMissing,
        Normalize,
        RegressionBlock,
        TabularDataLoaders,
        set_seed,
        tabular_learner,
    )

    set_seed(seed)
    target, mean, deviation = _target(task, train), 0.0, 1.0
    if task.kind == "regression":
        mean, deviation = target.mean(), target.std()
        target = (target - mean) / deviation
    rows = train.assign(**{task.target: target})
    loaders = TabularDataLoaders.from_df(
        rows, procs=[Categorify, FillMissing, Normalize], cat_names=list(task.categorical),
        cont_names=list(task.continuous), y_names=task.target, seed=seed, valid_idx=[0],
        y_block=RegressionBlock() if task.kind == "regression" else CategoryBlock(),
    )  # fmt: skip
    learn = tabular_learner(loaders)
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(20 if len(rows) < 50_000 else 5, learn.lr_find(show_plot=False).valley)
        found = learn.get_preds(dl=loaders.test_dl(test.drop(columns=task.target)))[0].numpy()
    if task.kind == "classes":
        return np.asarray(loaders.vocab)[found.argmax(axis=1)]
    found = found[:, 1] if task.kind == "yes_no" else found[:, 0] * deviation + mean
    return np.exp(found) if task.log else found


TABLE_PEERS = {
    "linear": linear,
    "plain Keras": plain_keras,
    "LightGBM": lightgbm,
    "HistGB": histgb,
    "fastai": fastai,
}


def logistic_on_features(features: np.ndarray, targets: np.ndarray, unseen: np.ndarray, seed: int) -> np.ndarray:
    """Logistic regression on the features as they are, one for each tag (standardised they gave less on 14 of 16 sets)."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=2000)
    if targets.ndim == 1:
        return model.fit(features, targets).predict_proba(unseen)
    found = np.zeros((len(unseen), targets.shape[1]))
    for i, tag in enumerate(targets.T):
        found[:, i] = model.fit(features, tag).predict_proba(unseen)[:, 1] if 0 < tag.mean() < 1 else tag[0]
    return found


def dense_on_features(features: np.ndarray, targets: np.ndarray, unseen: np.ndarray, seed: int) -> np.ndarray:
    """A Keras Dense layer on the features, 20 epochs of Adam."""
    import keras

    keras.utils.set_random_seed(seed)
    tags = targets.ndim == 2
    units = targets.shape[1] if tags else int(targets.max()) + 1
    last = keras.layers.Dense(units, activation="sigmoid" if tags else "softmax")
    model = keras.Sequential([keras.Input((features.shape[1],)), last])
    model.compile("adam", "binary_crossentropy" if tags else "sparse_categorical_crossentropy")
    model.fit(features, targets, epochs=20, verbose=0)
    return model.predict(unseen, verbose=0)


PICTURE_PEERS = {"logistic": logistic_on_features, "Keras Dense": dense_on_features}
