"""The application for models of tables: health, prediction of rows, and a page to try it."""

import asyncio
import io
import json
from typing import Any

import pandas as pd
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from kerasfast.basics.arguments import whole
from kerasfast.serve.limits import BodyLimit
from kerasfast.serve.requests import contents_of, in_words, media_type
from kerasfast.serve.table_page import TABLE_PAGE
from kerasfast.tabular.predictor import TablePredictor
from kerasfast.version import __version__

MOST_BYTES, MOST_ROWS, MOST_LEVELS = 20_000_000, 100_000, 100


def table_app(predictor: TablePredictor, *, most_bytes: int = MOST_BYTES, most_rows: int = MOST_ROWS) -> Starlette:
    """Return an ASGI application that predicts rows.

    `GET /` a page to try it; `GET /health` what is served and from which columns; `POST /predict` rows as JSON
    (`application/json`: an object, or a list of them), or a CSV file, of a form or as the body. The answer is a JSON
    list, for each row {"prediction", "probabilities"}, or {"values"} for numbers and labels. What cannot be used gets
    4xx and {"error": a sentence}.

    Args:
        predictor: The model.
        most_bytes: That a request may have.
        most_rows: In a request.
    """
    for name, value in (("most_bytes", most_bytes), ("most_rows", most_rows)):
        whole(name, value)
    service = _Service(predictor, most_rows)
    return Starlette(
        routes=[
            Route("/", service.page),
            Route("/health", service.health),
            Route("/predict", service.predict, methods=["POST"]),
        ],
        middleware=[Middleware(BodyLimit, most_bytes=most_bytes)],
        exception_handlers={HTTPException: in_words},
    )


class _Service:
    """The handlers and what they share."""

    def __init__(self, predictor: TablePredictor, most_rows: int) -> None:
        self._predictor, self._most = predictor, most_rows
        self._one_at_a_time = asyncio.Lock()

    async def page(self, request: Request) -> HTMLResponse:
        """Return the page."""
        return HTMLResponse(TABLE_PAGE)

    async def health(self, request: Request) -> JSONResponse:
        """Say that the server is well, what it serves, and which columns it reads."""
        target = self._predictor.target
        return JSONResponse(
            {
                "status": "ok",
                "kerasfast": __version__,
                "predicts": list(target.names),
                "target_kind": target.kind,
                "classes": [str(name) for name in target.classes],
                "columns": self._columns(),
            }
        )

    async def predict(self, request: Request) -> JSONResponse:
        """Predict the rows of a request."""
        if media_type(request) == "application/json":
            content = _as_csv(await request.body())
        else:
            files = await contents_of(request, "table", most=1)
            content = files[0][1]
        try:
            frame = await run_in_threadpool(self._frame, content)
            async with self._one_at_a_time:
                predictions = await run_in_threadpool(self._predictor.predict, frame)
        except (ValueError, TypeError) as error:
            raise HTTPException(422, f"These rows cannot be predicted: {error}") from error
        return JSONResponse(self._answers(predictions))

    def _frame(self, content: bytes) -> pd.DataFrame:
        frame = pd.read_csv(io.BytesIO(content), low_memory=False, nrows=self._most + 1)
        if len(frame) > self._most:
            raise HTTPException(413, f"The table has more than the {self._most} rows that are allowed.")
        if not len(frame):
            raise HTTPException(400, "There are no rows in the request.")
        return frame

    def _columns(self) -> list[dict[str, Any]]:
        encoder = self._predictor.encoder
        columns = []
        for name in encoder.columns:
            column: dict[str, Any] = {"name": name, "kind": "date" if name in encoder.dates else "number"}
            if name in encoder.categorical:
                levels = [str(level) for level in encoder.levels(name)[:MOST_LEVELS]]
                column |= {"kind": "category", "levels": levels}
            columns.append(column)
        return columns

    def _answers(self, predictions: pd.DataFrame) -> list[dict[str, Any]]:
        rows = [
            {str(name): round(float(value), 6) for name, value in zip(predictions.columns, row, strict=True)}
            for row in predictions.to_numpy()
        ]
        if self._predictor.target.kind != "single":
            return [{"values": row} for row in rows]
        return [{"prediction": max(row, key=row.__getitem__), "probabilities": row} for row in rows]


def _as_csv(body: bytes) -> bytes:
    """Return rows of JSON as a CSV, so that values mean what they mean in a file."""
    try:
        rows = json.loads(body)
    except ValueError as error:
        raise HTTPException(400, f"The body is no JSON ({error}).") from error
    rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not rows:
        raise HTTPException(400, 'Expected a row {"column": value, ...}, or a list of rows, as JSON.')
    if any(isinstance(value, (dict, list)) for row in rows for value in row.values()):
        raise HTTPException(400, "Each value of a row must be a text, a number, true, false or null.")
    return pd.DataFrame(rows).to_csv(index=False).encode()
