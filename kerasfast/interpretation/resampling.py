"""The bootstrap: how far a figure would move with other rows (Efron, 1979)."""

from collections.abc import Iterator

import numpy as np

_NUMBERS_AT_ONCE = 4_000_000  # of resamples x rows, so that memory stays near 100 MB


def bootstrap_weights(count: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield weights (b, n): how often each row is drawn, `resamples` rows of weights in all."""
    generator, at_once = np.random.default_rng(seed), max(1, _NUMBERS_AT_ONCE // count)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = generator.integers(count, size=(rows, count)) + count * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(float)


def percentiles(drawn: np.ndarray, level: float) -> np.ndarray:
    """Return (2, measures, columns) of (measures, resamples, columns); NaN where nothing was defined."""
    outside = (1 - level) / 2
    undefined = np.isnan(drawn).all(axis=1)
    drawn = np.where(undefined[:, None], 0.0, drawn)
    return np.where(undefined, np.nan, np.nanquantile(drawn, [outside, 1 - outside], axis=1))
