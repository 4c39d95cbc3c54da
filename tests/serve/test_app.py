"""The server: the learner's numbers over HTTP, batches of several requests, and bad uploads told in a sentence."""

import asyncio
import io
import threading

import keras
import numpy as np
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.cli import main
from kerasfast.vision.pipeline.transforms import Transforms

testclient = pytest.importorskip("starlette.testclient", reason="the extra `serve` is not installed")
pytest.importorskip("httpx", reason="starlette's test client needs httpx")
pytest.importorskip("python_multipart", reason="the extra `serve` is not installed")

from kerasfast.serve.app import picture_app  # noqa: E402
from kerasfast.serve.batching import Batcher  # noqa: E402


@pytest.fixture(scope="module")
def predictor() -> kf.ImagePredictor:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, name="map")(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x), name="tiny")
    return kf.ImagePredictor(model, Transforms(32), ("blue", "green", "red"), "single")


def picture(seed: int, kind: str = "JPEG", sides=(50, 40)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (*sides, 3)).astype("uint8")
    stream = io.BytesIO()
    Image.fromarray(pixels).convert("CMYK" if kind == "CMYK" else "RGB").save(
        stream, "JPEG" if kind == "CMYK" else kind
    )
    return stream.getvalue()


@pytest.fixture(scope="module")
def client(predictor):
    with testclient.TestClient(
        picture_app(predictor, most_bytes=200_000, most_pictures=4, most_pixels=10_000)
    ) as client:
        yield client


def test_health_and_page(client):
    about = client.get("/health").json()
    assert about["status"] == "ok" and about["classes"] == ["blue", "green", "red"] and about["size"] == 32
    page = client.get("/")
    assert page.status_code == 200 and "drop" in page.text and page.headers["content-type"].startswith("text/html")


@pytest.mark.slow
def test_uploads_get_the_predictor_s_numbers(client, predictor):
    contents = [picture(1), picture(2, "PNG"), picture(3, "CMYK")]
    files = [("pictures", (f"p{i}.bin", content)) for i, content in enumerate(contents)]
    rows = client.post("/predict", files=files).json()
    frame = predictor.predict(contents)
    assert [row["file"] for row in rows] == ["p0.bin", "p1.bin", "p2.bin"]
    assert [row["prediction"] for row in rows] == frame["prediction"].tolist()
    numbers = [[row["probabilities"][name] for name in predictor.classes] for row in rows]
    np.testing.assert_allclose(numbers, frame[list(predictor.classes)], atol=2e-6)
    one = client.post("/predict", content=contents[1], headers={"content-type": "image/png"}).json()
    assert one[0]["probabilities"] == rows[1]["probabilities"]


def test_a_picture_is_explained(client, predictor):
    answer = client.post("/explain?class=green", content=picture(1))
    assert answer.status_code == 200 and Image.open(io.BytesIO(answer.content)).size == (32, 32)
    assert answer.content != client.post("/explain?class=red", content=picture(1)).content
    refused = client.post("/explain?class=pink", content=picture(1))
    assert refused.status_code == 400 and "no class 'pink'; there are blue, green, red" in refused.json()["error"]


@pytest.mark.parametrize(
    ("request_of", "status", "words"),
    [
        (lambda: {"content": b""}, 400, "no picture"),
        (lambda: {"files": [("pictures", ("a.jpg", b"junk"))]}, 415, "a.jpg is no image"),
        (lambda: {"files": [("pictures", ("a.jpg", picture(1)[:300]))]}, 415, "a.jpg "),
        (lambda: {"content": bytes(300_000)}, 413, "larger than the 200000 bytes"),
        (lambda: {"content": (bytes(50_000) for _ in range(9))}, 413, "larger than the 200000 bytes"),
        (lambda: {"content": picture(1, "PNG", (120, 120))}, 415, "has 120 x 120 pixels; 10000 are allowed"),
        (
            lambda: {"files": [("pictures", (f"{i}.jpg", picture(i))) for i in range(5)]},
            400,
            "Maximum number of files is 4",
        ),
    ],
)
def test_bad_uploads_are_refused_in_a_sentence(client, request_of, status, words):
    answer = client.post("/predict", **request_of())
    assert answer.status_code == status and words in answer.json()["error"]


def test_other_methods_and_paths(client):
    assert client.get("/predict").status_code == 405 and client.get("/absent").status_code == 404


def test_requests_that_come_together_are_predicted_together(client):
    before = client.app.state.batcher.batches
    answers = []
    threads = [
        threading.Thread(target=lambda i=i: answers.append(client.post("/predict", content=picture(i)).status_code))
        for i in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 12 and client.app.state.batcher.batches - before <= 12


def test_batches_keep_every_answer_with_its_question():
    sizes = []

    def double(samples):
        sizes.append(len(samples))
        return samples * 2

    async def ask():
        batcher = Batcher(double, most=4, wait=0.05)
        batcher.start()
        answers = await asyncio.gather(*(batcher(np.array([float(i)])) for i in range(10)))
        await batcher.stop()
        return answers

    assert [float(answer[0]) for answer in asyncio.run(ask())] == [2.0 * i for i in range(10)]
    assert sizes == [4, 4, 2]


def test_an_error_of_the_network_goes_to_those_who_asked():
    def fail(samples):
        raise RuntimeError("no memory")

    async def ask():
        batcher = Batcher(fail, wait=0.01)
        batcher.start()
        results = await asyncio.gather(*(batcher(np.zeros(1)) for _ in range(3)), return_exceptions=True)
        await batcher.stop()
        return results

    assert [str(result) for result in asyncio.run(ask())] == ["no memory"] * 3


def test_a_table_s_model_and_a_missing_extra_are_said(monkeypatch, capfd, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    assert main(["serve", str(tmp_path / "absent.kerasfast")]) == 2
    assert "pip install 'kerasfast[serve]'" in capfd.readouterr().err
