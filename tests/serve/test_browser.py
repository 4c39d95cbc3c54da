"""The page of the server in a real browser: upload pictures, read the answer, and a sentence where one is bad."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time

import keras
import numpy as np
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.vision.pipeline.transforms import Transforms

uvicorn = pytest.importorskip("uvicorn", reason="the extra `serve` is not installed")
pytest.importorskip("python_multipart", reason="the extra `serve` is not installed")

from kerasfast.serve.app import picture_app  # noqa: E402
from kerasfast.serve.table_app import table_app  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None or os.name != "posix", reason="no chromium is installed")


class Browser:
    """Chromium without a window, spoken to by its debugging protocol over pipes."""

    def __init__(self, profile):
        (read_in, self._write), (self._read, write_out) = os.pipe(), os.pipe()

        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        # Chromium reads and writes the file descriptors 3 and 4.
        shell = ["bash", "-c", f'exec "$@" 3<&{read_in} 4>&{write_out}', "browser"]
        command = [*shell, CHROMIUM, *options, f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, pass_fds=(read_in, write_out), **quiet)
        os.close(read_in)
        os.close(write_out)
        self._number, self._left, self._session = 0, b"", None

    def call(self, method: str, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._left:
                self._left += os.read(self._read, 2**20)
            text, self._left = self._left.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, address: str) -> None:
        target = self.call("Target.createTarget", url=address)["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("DOM.enable")

    def value(self, script: str):
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def wait_for(self, script: str):
        for _ in range(100):
            if found := self.value(script):
                return found
            time.sleep(0.1)
        raise AssertionError(f"{script} stays empty; the page says {self.value('document.body.innerText')!r}")

    def choose(self, files) -> None:
        document = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=document, selector="#files")["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@contextlib.contextmanager
def serving(app):
    """Serve an application on a free port, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def address():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, name="map")(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x), name="tiny")
    predictor = kf.ImagePredictor(model, Transforms(32), ("<b>blue</b>", "green", "red"), "single")
    with serving(picture_app(predictor)) as address:
        yield address


@pytest.fixture
def browser(tmp_path):
    browser = Browser(tmp_path / "profile")
    yield browser
    browser.close()


@pytest.mark.slow
def test_pictures_are_predicted_on_the_page(address, browser, tmp_path):
    for index, colour in enumerate(((250, 0, 0), (0, 250, 0))):
        Image.fromarray(np.full((60, 80, 3), colour, np.uint8)).save(tmp_path / f"{index}.png")
    browser.open(address)
    about = browser.wait_for("document.getElementById('about').textContent")
    assert about == "tiny: <b>blue</b>, green, red"
    browser.choose([tmp_path / "0.png", tmp_path / "1.png"])
    assert browser.wait_for("document.querySelectorAll('article').length == 2")
    titles = browser.value("[...document.querySelectorAll('h2')].map((title) => title.textContent)")
    assert len(titles) == 2 and set(titles) <= {"<b>blue</b>", "green", "red"}
    assert browser.value("document.querySelectorAll('h2 b').length") == 0
    assert browser.value("document.querySelectorAll('meter').length") == 6
    assert "%" in browser.value("document.querySelector('article').innerText")
    browser.value("document.querySelector('article button').click()")
    assert browser.wait_for("document.querySelectorAll('article button').length == 1")
    assert browser.value("document.querySelector('article img').naturalWidth") == 32
    (tmp_path / "bad.png").write_bytes(b"no picture")
    browser.choose([tmp_path / "bad.png"])
    assert "bad.png is no image" in browser.wait_for("document.getElementById('error').textContent")
    assert browser.value("document.querySelectorAll('article').length") == 2
    if folder := os.environ.get("KERASFAST_SCREENSHOTS"):
        import base64
        import pathlib

        shot = browser.call("Page.captureScreenshot", format="png")["data"]
        (pathlib.Path(folder) / "serve.png").write_bytes(base64.b64decode(shot))


@pytest.mark.slow
def test_rows_are_predicted_on_the_page(towns, browser, tmp_path):
    with serving(table_app(towns)) as address:
        browser.open(address)
        assert browser.wait_for("document.getElementById('about').textContent") == "It predicts dear: no, yes."
        assert browser.value("document.querySelectorAll('#row option').length") == 2
        browser.value("document.querySelector('[name=town]').value = 'Lund'")
        browser.value("document.querySelector('[name=rooms]').value = '3'")
        browser.value("document.querySelector('[name=sold]').value = '2024-02-01'")
        browser.value("document.querySelector('#row button').click()")
        assert browser.wait_for("document.querySelectorAll('td').length == 3")
        (tmp_path / "rows.csv").write_text("town,rooms,sold\nLund,3,2024-02-01\n<b>Ystad</b>,8,2024-02-02\n")
        browser.choose([tmp_path / "rows.csv"])
        assert browser.wait_for("document.querySelectorAll('td').length == 6")
        assert browser.value("document.querySelector('a').textContent") == "all 2 as predictions.csv"
        (tmp_path / "bad.csv").write_text("a\n1\n")
        browser.choose([tmp_path / "bad.csv"])
        assert "cannot be predicted" in browser.wait_for("document.getElementById('error').textContent")
        assert browser.value("document.querySelectorAll('b').length") == 0
