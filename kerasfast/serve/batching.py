"""Requests that arrive together are predicted together: one call of the network for many of them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np


class Batcher:
    """Collects single samples into batches.

    Args:
        predict: From a batch (n, ...) to predictions (n, outputs); called by one thread alone.
        most: Samples in a batch.
        wait: Seconds that the first sample waits for others.
    """

    def __init__(self, predict: Callable[[np.ndarray], np.ndarray], *, most: int = 32, wait: float = 0.005) -> None:
        self._predict, self._most, self._wait = predict, most, wait
        self._queue: asyncio.Queue[tuple[np.ndarray, asyncio.Future]] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1)
        self._task: asyncio.Task | None = None
        self.batches = 0

    def start(self) -> None:
        """Begin to work, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """Finish; what waits is given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(wait=True)

    async def __call__(self, sample: np.ndarray) -> np.ndarray:
        """Return the prediction (outputs,) for one sample."""
        answer = asyncio.get_running_loop().create_future()
        await self._queue.put((sample, answer))
        return await answer

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._queue.get()]
            end = loop.time() + self._wait
            while len(batch) < self._most and (left := end - loop.time()) > 0:
                try:
                    batch.append(await asyncio.wait_for(self._queue.get(), left))
                except TimeoutError:
                    break
            self.batches += 1
            samples = np.stack([sample for sample, _ in batch])
            try:
                rows = await loop.run_in_executor(self._thread, self._predict, samples)
            except Exception as error:  # goes to those who asked
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), row in zip(batch, rows, strict=True):
                if not answer.done():
                    answer.set_result(row)
