"""Scores lesson 5's recipe on ratings drawn from a known model, beside the noise that no model can predict.

    python benchmarks/ratings.py [--ratings 100000]

A rating is a mean, a bias of its user, one of its film and the product of two vectors, with noise, rounded to half
stars between 0.5 and 5. The floor is the mean squared error of the rating without noise and rounding; the biases alone
are what a table of averages can reach.
"""

import argparse
import tempfile

import numpy as np
import pandas as pd

# About as many users and films as MovieLens small has, and as scattered.
USERS, FILMS, FACTORS, NOISE = 671, 3000, 5, 0.75


def draw(count: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return ratings and what they are without noise; popular films are rated more often."""
    random = np.random.default_rng(seed)
    popularity = random.pareto(1.2, FILMS) + 0.1
    users = random.integers(0, USERS, count)
    films = random.choice(FILMS, count, p=popularity / popularity.sum())
    user_vectors, film_vectors = (random.normal(0, 0.45, (rows, FACTORS)) for rows in (USERS, FILMS))
    exact = 3.5 + random.normal(0, 0.4, USERS)[users] + random.normal(0, 0.45, FILMS)[films]
    exact = exact + (user_vectors[users] * film_vectors[films]).sum(axis=1)
    ratings = np.clip(np.round(2 * (exact + random.normal(0, NOISE, count))) / 2, 0.5, 5.0)
    return pd.DataFrame({"userId": users, "movieId": films, "rating": ratings}), exact


def of_biases(train: pd.DataFrame, valid: pd.DataFrame, *, rounds: int = 10, damping: float = 5.0) -> float:
    """Return the error of a mean, user biases and film biases, fitted in turns."""
    mean = train.rating.mean()
    biases = {"userId": pd.Series(dtype=float), "movieId": pd.Series(dtype=float)}
    for _ in range(rounds):
        for column, other in (("userId", "movieId"), ("movieId", "userId")):
            left = train.rating - mean - train[other].map(biases[other]).fillna(0.0)
            groups = left.groupby(train[column])
            biases[column] = groups.sum() / (groups.count() + damping)
    guess = mean + sum(valid[column].map(found).fillna(0.0) for column, found in biases.items())
    return float(((valid.rating - guess) ** 2).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ratings", type=int, default=100_000)
    count = parser.parse_args().ratings

    import keras

    from kerasfast.fastai.column_data import CollabFilterDataset, get_cv_idxs, optim

    ratings, exact = draw(count)
    rows = get_cv_idxs(count)
    train, valid = ratings.drop(index=rows), ratings.loc[rows]
    print(f"a constant                  {((valid.rating - train.rating.mean()) ** 2).mean():.4f}")
    print(f"biases of users and films   {of_biases(train, valid):.4f}")
    keras.utils.set_random_seed(0)
    np.random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        films = CollabFilterDataset.from_data_frame(folder, ratings, "userId", "movieId", "rating")
        learn = films.get_learner(50, rows, 64, opt_fn=optim.Adam)
        values = learn.fit(1e-2, 2, wds=2e-4, cycle_len=1, cycle_mult=2)
    print(f"the lesson's recipe         {values[0]:.4f}")
    print(f"the noise                   {((valid.rating - exact[rows]) ** 2).mean():.4f}")


if __name__ == "__main__":
    main()
