"""What the applications share: what a request brings, and errors told in a sentence."""

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

Content = tuple[str, bytes]


async def contents_of(request: Request, what: str, *, most: int) -> list[Content]:
    """Return the files of a request with their names: those of a form, or the body as the only one.

    Args:
        request: The request.
        what: A word for what a file should be, which also names a body.
        most: Files in a form.

    Raises:
        HTTPException: 400 where there is none, or there are too many.
    """
    if media_type(request) != "multipart/form-data":
        found = [(what, await request.body())]
    else:
        async with request.form(max_files=most, max_fields=8) as form:
            files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
            found = [(file.filename or what, await file.read()) for file in files]
    if not found or not any(content for _, content in found):
        raise HTTPException(400, f"There is no {what} in the request: send files of a form, or one as the body.")
    return found


def media_type(request: Request) -> str:
    """Return the type of a request's body, without its parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


async def in_words(request: Request, error: Exception) -> JSONResponse:
    """Answer an `HTTPException` with {"error": a sentence}."""
    return JSONResponse({"error": error.detail}, status_code=error.status_code)
