"""Models of tables over HTTP: rows as JSON and CSV get the predictor's numbers, bad ones a sentence."""

import dataclasses

import keras
import pandas as pd
import pytest

from kerasfast.tabular.predictor import TablePredictor

testclient = pytest.importorskip("starlette.testclient", reason="the extra `serve` is not installed")
pytest.importorskip("httpx", reason="starlette's test client needs httpx")
pytest.importorskip("python_multipart", reason="the extra `serve` is not installed")

from kerasfast.serve.table_app import table_app  # noqa: E402

ROWS = [{"town": "Lund", "rooms": 3, "sold": "2024-02-01"}, {"town": None, "rooms": 8.5, "sold": "2024-03-09"}]


@pytest.fixture(scope="module")
def client(towns):
    with testclient.TestClient(table_app(towns, most_bytes=20_000, most_rows=3)) as client:
        yield client


def test_health_tells_the_columns(client):
    about = client.get("/health").json()
    assert (about["predicts"], about["target_kind"], about["classes"]) == (["dear"], "single", ["no", "yes"])
    kinds = {column["name"]: column["kind"] for column in about["columns"]}
    assert kinds == {"town": "category", "rooms": "number", "sold": "date"}
    assert about["columns"][0]["levels"] == ["<b>Ystad</b>", "Lund"]
    page = client.get("/")
    assert page.status_code == 200 and "CSV" in page.text and "STYLE" not in page.text


def test_json_and_csv_get_the_predictor_s_numbers(client, towns: TablePredictor):
    expected = towns.predict(pd.DataFrame(ROWS))
    csv = pd.DataFrame(ROWS).to_csv(index=False).encode()
    answers = [
        client.post("/predict", json=ROWS).json(),
        client.post("/predict", content=csv, headers={"content-type": "text/csv"}).json(),
        client.post("/predict", files={"table": ("rows.csv", csv)}).json(),
    ]
    assert answers[0] == answers[1] == answers[2]
    for answer, (_, row) in zip(answers[0], expected.iterrows(), strict=True):
        assert answer["probabilities"] == pytest.approx(row.to_dict(), abs=2e-6)
        assert answer["prediction"] == row.idxmax()
    as_form = {"town": "Lund", "rooms": "3", "sold": "2024-02-01"}
    assert client.post("/predict", json=as_form).json() == answers[0][:1]


@pytest.mark.parametrize(
    ("request_of", "status", "words"),
    [
        (lambda: {"json": []}, 400, "Expected a row"),
        (lambda: {"json": [1, 2]}, 400, "Expected a row"),
        (lambda: {"json": {"town": ["a"]}}, 400, "must be a text, a number"),
        (lambda: {"content": b"{", "headers": {"content-type": "application/json"}}, 400, "is no JSON"),
        (lambda: {"content": b""}, 400, "no table in the request"),
        (lambda: {"json": {"town": "Lund"}}, 422, "rooms"),
        (lambda: {"json": {"town": "Lund", "rooms": "many", "sold": "2024-02-01"}}, 422, "rooms"),
        (lambda: {"json": ROWS * 2}, 413, "more than the 3 rows"),
        (lambda: {"content": b"\xff\xd8" + bytes(300)}, 422, "cannot be predicted"),
        (lambda: {"content": b"town,rooms,sold\n"}, 400, "no rows"),
        (lambda: {"content": bytes(30_000)}, 413, "larger than the 20000 bytes"),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(client, request_of, status, words):
    answer = client.post("/predict", **request_of())
    assert answer.status_code == status and words in answer.json()["error"], answer.text


def test_numbers_are_values(towns):
    model = keras.Model(towns.model.inputs, towns.model.outputs[0][:, :1])
    target = dataclasses.replace(towns.target, names=("price",), kind="regression", column=None)
    predictor = dataclasses.replace(towns, model=model, target=target)
    with testclient.TestClient(table_app(predictor)) as client:
        (row,) = client.post("/predict", json=ROWS[:1]).json()
    assert list(row) == ["values"] and list(row["values"]) == ["price"]
