"""Kaggle's client against a stand-in for its endpoint; archives that would write where they should not."""

import http.server
import io
import json
import threading
import zipfile
from typing import ClassVar

import pytest

from kerasfast.cli import main
from kerasfast.competitions import unzip

CREDENTIALS = ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR")


def archive(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in parts.items():
            opened.writestr(name, content)
    return stream.getvalue()


class StandIn(http.server.BaseHTTPRequestHandler):
    """Answers like Kaggle: competitions called "closed" and "absent" are refused."""

    uploads: ClassVar[list[bytes]] = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        name, action = body.get("competitionName"), self.path.rsplit("/", 1)[-1]
        status = {"closed": 403, "absent": 404, "unknown-user": 401}.get(name)
        if status:
            self.answer(status, {"code": status, "message": "refused"})
        elif action == "DownloadDataFiles":
            self.send_response(302)
            self.send_header("Location", f"http://{self.headers['Host']}/files/{name}.zip")
            self.end_headers()
        elif action == "StartSubmissionUpload":
            self.answer(200, {"token": "t", "createUrl": f"http://{self.headers['Host']}/upload"})
        else:
            self.answer(200, {"message": "Successfully submitted", "ref": 1})

    def do_PUT(self):
        self.uploads.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(200, {})

    def do_GET(self):
        content = archive({"train/a.txt": b"a" * 1000, "labels.csv": b"id,breed\n"})
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def kaggle(monkeypatch, tmp_path):
    """The official client, signed in, with a stand-in for its endpoint."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", "0" * 32)
    environment = pytest.importorskip("kagglesdk.kaggle_env", reason="the extra `kaggle` is not installed")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setitem(environment._env_to_endpoint, environment.KaggleEnv.PROD, address)
    yield
    server.shutdown()
    server.server_close()


def test_data_is_downloaded_and_unpacked(kaggle, tmp_path, capfd):
    assert main(["kaggle", "download", "dogs", str(tmp_path / "data")]) == 0
    assert "2 files in" in capfd.readouterr().out
    files = {file.relative_to(tmp_path / "data").as_posix() for file in (tmp_path / "data").rglob("*.*")}
    assert files == {"train/a.txt", "labels.csv"}


def test_a_submission_is_handed_in(kaggle, tmp_path, capfd):
    (tmp_path / "s.csv").write_text("id,label\n")
    assert main(["kaggle", "submit", "dogs", str(tmp_path / "s.csv"), "-m", "first"]) == 0
    assert "Successfully submitted" in capfd.readouterr().out and StandIn.uploads[-1] == b"id,label\n"
    assert main(["kaggle", "submit", "dogs", str(tmp_path / "absent.csv")]) == 2


@pytest.mark.parametrize(
    ("competition", "words"),
    [
        ("closed", "accept the rules"),
        ("absent", "no competition 'absent'"),
        ("unknown-user", "does not know who you are"),
    ],
)
def test_refusals_say_what_to_do(kaggle, tmp_path, capfd, competition, words):
    assert main(["kaggle", "download", competition, str(tmp_path / "data")]) == 2
    assert words in capfd.readouterr().err


def test_missing_credentials_and_a_missing_client_are_said(kaggle, monkeypatch, tmp_path, capfd):
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    assert main(["kaggle", "download", "dogs", str(tmp_path)]) == 2
    assert "make an API token" in capfd.readouterr().err
    monkeypatch.setitem(__import__("sys").modules, "kaggle.api.kaggle_api_extended", None)
    assert main(["kaggle", "download", "dogs", str(tmp_path)]) == 2
    assert "pip install 'kerasfast[kaggle]'" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt", ".."])
def test_archives_cannot_write_outside_their_folder(tmp_path, name):
    (tmp_path / "a.zip").write_bytes(archive({"good.txt": b"1", name: b"2"}))
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match="leads out of"):
        unzip(tmp_path / "a.zip", tmp_path / "in")
    assert not list((tmp_path / "in").iterdir()) and not (tmp_path / "out.txt").exists()


def test_links_damage_and_lack_of_room_are_refused(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as opened:
        opened.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="leads out of"):
        unzip(tmp_path / "link.zip", tmp_path / "in")
    (tmp_path / "cut.zip").write_bytes(archive({"a": bytes(1000)})[:-30])
    with pytest.raises(ValueError, match="damaged archive"):
        unzip(tmp_path / "cut.zip", tmp_path / "in")
    short = bytearray(archive({"a": b"1", "b": b"2"}))
    short[short.index(b"PK\x01\x02") + 33] = 1  # a comment of 256 bytes, which swallows the second file
    (tmp_path / "short.zip").write_bytes(short)
    with pytest.raises(ValueError, match="it should hold 2 files, and 1 are found"):
        unzip(tmp_path / "short.zip", tmp_path / "in")
    spoilt = bytearray(archive({"a": bytes(range(256)) * 40}))
    spoilt[60] ^= 255  # inside the compressed content
    (tmp_path / "spoilt.zip").write_bytes(spoilt)
    with pytest.raises(ValueError, match="damaged archive"):
        unzip(tmp_path / "spoilt.zip", tmp_path / "in")
    (tmp_path / "good.zip").write_bytes(archive({"a": bytes(1000)}))
    free = type("Usage", (), {"free": 999})
    monkeypatch.setattr("kerasfast.competitions.shutil.disk_usage", lambda folder: free)
    with pytest.raises(OSError, match="needs 1,000 bytes"):
        unzip(tmp_path / "good.zip", tmp_path / "in")
    assert not list((tmp_path / "in").iterdir())
