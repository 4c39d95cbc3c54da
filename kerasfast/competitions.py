"""Kaggle's competitions by its official client: download data, hand in submissions, and words for what goes wrong."""

import os
import pathlib
import shutil
import stat
import zipfile
from typing import Any

from kerasfast.basics.files import DAMAGED_ZIP, atomic_path, made_folder, opened_zip

PAGE = "https://www.kaggle.com"
CREDENTIALS = (
    f"Kaggle does not know who you are: make an API token on {PAGE}/settings and put it where that page says "
    "(~/.kaggle/access_token or kaggle.json), or set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY."
)


class KaggleError(ValueError):
    """What Kaggle refused, and what to do."""


def download(competition: str, folder: str | os.PathLike) -> list[pathlib.Path]:
    """Download the data of a competition, unpack it, and return the files.

    The archive is unpacked safely (see `unzip`) and removed; what was there before stays, files of the same name are
    replaced.

    Args:
        competition: Its name in the address of its page, such as "dogs-vs-cats".
        folder: Where the files go; made as needed.

    Raises:
        ImportError: If the client is not installed.
        KaggleError: If Kaggle refuses: the message says what to do.
    """
    folder = pathlib.Path(folder).expanduser()
    made_folder(folder)
    client = _client()
    with _Refusals(competition):
        client.competition_download_files(competition, path=os.fspath(folder), quiet=True)
    archives = sorted(folder.glob(f"{competition}.*"), key=lambda path: path.stat().st_mtime)
    if not archives:
        raise KaggleError(f"Kaggle's client wrote no file for {competition!r} to {folder}.")
    archive = archives[-1]
    if not zipfile.is_zipfile(archive):
        return [archive]
    files = unzip(archive, folder)
    archive.unlink()
    return files


def submit(competition: str, file: str | os.PathLike, message: str = "") -> str:
    """Hand in a submission, and return what Kaggle answers.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the client is not installed.
        KaggleError: If Kaggle refuses: the message says what to do.
    """
    file = pathlib.Path(file).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file} to hand in.")
    client = _client()
    with _Refusals(competition):
        result = client.competition_submit(os.fspath(file), message or file.name, competition, quiet=True)
    text = str(getattr(result, "message", result) or "")
    if "success" not in text.lower():
        raise KaggleError(f"Kaggle did not take {file.name}: {text or 'it did not say why'}.")
    return text


def unzip(archive: str | os.PathLike, folder: str | os.PathLike) -> list[pathlib.Path]:
    """Unpack a zip below a folder, and return the files.

    Everything is checked before the first file is written, and each file appears complete or not at all.

    Raises:
        ValueError: If a name leads out of the folder, is a link, or is there twice; or the archive is damaged.
        OSError: If the disk has no room for what the archive declares.
    """
    folder = pathlib.Path(folder)
    try:
        with opened_zip(archive) as opened:
            parts = [part for part in opened.infolist() if not part.is_dir()]
            targets = [_target(folder, part) for part in parts]
            if len(set(targets)) < len(targets):
                raise ValueError(f"{archive} holds a file twice.")
            _check_room(folder, sum(part.file_size for part in parts))
            for part, target in zip(parts, targets, strict=True):
                _extract(opened, part, target)
    except DAMAGED_ZIP as error:
        raise ValueError(f"{archive} is a damaged archive: {error}.") from error
    return targets


def _target(folder: pathlib.Path, part: zipfile.ZipInfo) -> pathlib.Path:
    target = (folder / part.filename).resolve()
    inside = target.is_relative_to(folder.resolve()) and target != folder.resolve()
    if not inside or part.filename.startswith(("/", "\\")) or stat.S_ISLNK(part.external_attr >> 16):
        raise ValueError(f"The archive holds {part.filename!r}, which leads out of {folder}; it is not unpacked.")
    return target


def _check_room(folder: pathlib.Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OSError(f"The archive needs {size:,} bytes and {folder} has {free:,} free; make room.")


def _extract(opened: zipfile.ZipFile, part: zipfile.ZipInfo, target: pathlib.Path) -> None:
    made_folder(target.parent)
    with (
        opened.open(part) as source,
        atomic_path(target, size=part.file_size) as unfinished,
        unfinished.open("wb") as file,
    ):
        shutil.copyfileobj(source, file, 2**20)


def _client() -> Any:
    """Return Kaggle's client, signed in."""
    try:
        from kaggle.api.kaggle_api_extended import KaggleApi
    except ImportError as error:
        raise ImportError("Kaggle's client is not installed: pip install 'kerasfast[kaggle]'.") from error
    client = KaggleApi()
    try:
        client.authenticate()
    except (SystemExit, OSError, ValueError) as error:  # it ends the process where it finds no credentials
        raise KaggleError(CREDENTIALS) from error
    return client


class _Refusals:
    """Turns the client's errors into words."""

    def __init__(self, competition: str) -> None:
        self._competition = competition

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, trace: Any) -> None:
        import requests

        if not isinstance(error, requests.exceptions.RequestException):
            return
        status = getattr(error.response, "status_code", None)
        page = f"{PAGE}/competitions/{self._competition}"
        words = {
            400: f"Kaggle refused it ({error}).",
            401: CREDENTIALS,
            403: f"Kaggle refuses: accept the rules of the competition first, on {page}/rules, and check your account.",
            404: f"There is no competition {self._competition!r}; its name is the end of the address of its page.",
            429: "Kaggle has had too many requests; wait a little.",
        }
        usual = "Kaggle cannot be reached" if status is None else f"Kaggle answered {status}"
        raise KaggleError(words.get(status, f"{usual}: {error}.")) from error
