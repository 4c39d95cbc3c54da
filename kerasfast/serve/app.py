"""The application: health, prediction of uploads, and a page to try it."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from kerasfast.basics.arguments import whole
from kerasfast.basics.described import some
from kerasfast.serve.batching import Batcher
from kerasfast.serve.limits import BodyLimit
from kerasfast.serve.page import PAGE
from kerasfast.serve.requests import Content, contents_of, in_words
from kerasfast.version import __version__
from kerasfast.vision.insight.grad_cam import grad_cam
from kerasfast.vision.prediction.predictor import ImagePredictor
from kerasfast.vision.prediction.windows import WindowReader
from kerasfast.vision.sources.decoding.decode import ImageError

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
    body: a JSON list of {"file", "prediction", "probabilities"}; `POST /explain?class=NAME` one picture: a PNG of what
    the network reads, with Grad-CAM over it (the likeliest class by default). What cannot be used gets 4xx and
    {"error": a sentence}.

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
            Route("/explain", service.explain, methods=["POST"]),
        ],
        middleware=[Middleware(BodyLimit, most_bytes=most_bytes)],
        exception_handlers={HTTPException: in_words},
        lifespan=service.lifespan,
    )


class _Service:
    """The handlers and what they share."""

    def __init__(self, predictor: ImagePredictor, read: WindowReader, most_pictures: int, batch_size: int) -> None:
        if predictor.channels != 3:
            raise ValueError(f"Pictures come as files, of three channels; this network reads {predictor.channels}.")
        self._predictor, self._read, self._most = predictor, read, most_pictures
        self._batcher, self._size = None, batch_size

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Start and stop the batching; predict once, so that the first visitor need not wait for it."""
        first = np.zeros((1, *self._predictor.transforms.sides, 3), np.uint8)
        await run_in_threadpool(self._predictor.predict_array, first)
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

    async def explain(self, request: Request) -> Response:
        """Show where the network finds a class in the first picture of a request."""
        wanted, classes = request.query_params.get("class"), self._predictor.classes
        if wanted is not None and wanted not in classes:
            raise HTTPException(400, f"There is no class {wanted!r}; there are {some(classes)}.")
        name, content = (await self._pictures(request))[0]
        window = await run_in_threadpool(self._window, content, name)
        index = None if wanted is None else classes.index(wanted)
        try:
            heat = await run_in_threadpool(grad_cam, self._predictor.model, window, index)
        except ValueError as error:
            raise HTTPException(422, f"This network cannot be looked into: {error}") from error
        return Response(_heated(window, heat), media_type="image/png")

    async def _pictures(self, request: Request) -> list[Content]:
        return await contents_of(request, "picture", most=self._most)

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


def _heated(pixels: np.ndarray, heat: np.ndarray) -> bytes:
    """Return a picture (size, size, 3) uint8 with a map (size, size) of 0 to 1 over it in red, as PNG."""
    share = 0.6 * heat[..., None]
    mixed = (1 - share) * pixels + share * np.array([255, 40, 0])
    stream = io.BytesIO()
    Image.fromarray(mixed.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()
