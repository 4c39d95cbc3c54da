"""The application: health, prediction of uploads, and a page to try it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from kerasfast.arguments import whole
from kerasfast.serve.batching import Batcher
from kerasfast.serve.limits import BodyLimit
from kerasfast.serve.page import PAGE
from kerasfast.version import __version__
from kerasfast.vision.prediction.predictor import ImagePredictor
from kerasfast.vision.prediction.windows import WindowReader
from kerasfast.vision.sources.decode import ImageError

MOST_BYTES, MOST_PICTURES, MOST_PIXELS = 20_000_000, 32, 50_000_000


def picture_app(
    predictor: ImagePredictor,
    *,
    most_bytes: int = MOST_BYTES,
    most_pictures: int = MOST_PICTURES,
    most_pixels: int = MOST_PIXELS,
    batch_size: int = 32,
) -> Starlette:
    """Return an ASGI application that predicts uploaded pictures.

    `GET /` a page to try it; `GET /health` what is served; `POST /predict` pictures as files of a form, or one as the
    body: a JSON list of {"file", "prediction", "probabilities"}. What cannot be used gets 4xx and {"error": a
        sentence}.

    Args:
        predictor: The model.
        most_bytes: That a request may have.
        most_pictures: In a request.
        most_pixels: That a picture may have.
        batch_size: Pictures that are predicted together, of one request or of several.
    """
    for name, value in (("most_bytes", most_bytes), ("most_pictures", most_pictures), ("batch_size", batch_size)):
        whole(name, value)
    service = _Service(
        predictor, WindowReader(predictor.transforms, most_pixels=most_pixels), most_pictures, batch_size
    )
    return Starlette(
        routes=[
            Route("/", service.page),
            Route("/health", service.health),
            Route("/predict", service.predict, methods=["POST"]),
        ],
        middleware=[Middleware(BodyLimit, most_bytes=most_bytes)],
        exception_handlers={HTTPException: _in_words},
        lifespan=service.lifespan,
    )


class _Service:
    """The handlers and what they share."""

    def __init__(self, predictor: ImagePredictor, read: WindowReader, most_pictures: int, batch_size: int) -> None:
        self._predictor, self._read, self._most = predictor, read, most_pictures
        self._batcher, self._size = None, batch_size

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Start and stop the batching; predict once, so that the first visitor need not wait for it."""
        side = self._predictor.transforms.size
        await run_in_threadpool(self._predictor.predict_array, np.zeros((1, side, side, 3), np.uint8))
        app.state.batcher = self._batcher = Batcher(self._predictor.predict_array, most=self._size)
        self._batcher.start()
        yield
        await self._batcher.stop()

    async def page(self, request: Request) -> HTMLResponse:
        """Return the page."""
        return HTMLResponse(PAGE)

    async def health(self, request: Request) -> JSONResponse:
        """Say that the server is well, and what it serves."""
        predictor = self._predictor
        return JSONResponse(
            {
                "status": "ok",
                "kerasfast": __version__,
                "network": predictor.model.name,
                "target_kind": predictor.target_kind,
                "classes": list(predictor.classes),
                "size": predictor.transforms.size,
            }
        )

    async def predict(self, request: Request) -> JSONResponse:
        """Predict the pictures of a request."""
        pictures = await self._pictures(request)
        windows = [await run_in_threadpool(self._window, content, name) for name, content in pictures]
        rows = await asyncio.gather(*(self._batcher(window) for window in windows))
        return JSONResponse(self._answers([name for name, _ in pictures], np.stack(rows)))

    async def _pictures(self, request: Request) -> list[tuple[str, bytes]]:
        kind = request.headers.get("content-type", "").split(";")[0]
        if kind != "multipart/form-data":
            found = [("picture", await request.body())]
        else:
            async with request.form(max_files=self._most, max_fields=8) as form:
                files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
                found = [(file.filename or "picture", await file.read()) for file in files]
        if not found or not any(content for _, content in found):
            raise HTTPException(400, "There is no picture in the request: send files of a form, or one as the body.")
        return found

    def _window(self, content: bytes, name: str) -> np.ndarray:
        try:
            return self._read(content, name)
        except ImageError as error:
            raise HTTPException(415, f"{name} {error.problems[name]}.") from error

    def _answers(self, names: list[str], rows: np.ndarray) -> list[dict[str, Any]]:
        predictor = self._predictor
        values = [
            {name: round(float(value), 6) for name, value in zip(predictor.classes, row, strict=True)} for row in rows
        ]
        if predictor.target_kind == "regression":
            return [{"file": name, "values": row} for name, row in zip(names, values, strict=True)]
        return [
            {"file": name, "prediction": label, "probabilities": row}
            for name, label, row in zip(names, predictor.labels(rows), values, strict=True)
        ]


async def _in_words(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": error.detail}, status_code=error.status_code)
