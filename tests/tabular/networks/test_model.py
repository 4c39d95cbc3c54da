import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasfast.tabular.networks.model import (
    embedding_groups,
    embedding_tables,
    embedding_vectors,
    embedding_widths,
    entity_embedding_model,
)

CARDINALITIES = {"Store": 116, "Day": 8, "Promo": 3, "Month": 7, "Hour": 8}


def inputs(rng, rows=50, continuous=3):
    codes = np.stack([rng.integers(0, count, rows) for count in CARDINALITIES.values()], axis=1).astype(np.int32)
    return {"codes": codes, "values": rng.normal(size=(rows, continuous)).astype(np.float32)}


def naive_prediction(model, batch, widths):
    """The network written out with NumPy, one embedding per column."""
    vectors = embedding_vectors(model, embedding_tables(CARDINALITIES, widths))
    order = [name for table in embedding_tables(CARDINALITIES, widths) for name in table.columns]
    parts = [vectors[name][batch["codes"][:, list(CARDINALITIES).index(name)]] for name in order]
    gamma, beta, mean, variance = model.get_layer("values_norm").get_weights()
    x = np.concatenate([*parts, (batch["values"] - mean) / np.sqrt(variance + 1e-5) * gamma + beta], axis=1)
    for layer in ("hidden_1", "hidden_2"):
        kernel, bias = model.get_layer(layer).get_weights()
        x = np.maximum(x @ kernel + bias, 0)
    kernel, bias = model.get_layer("output").get_weights()
    return 2 + 5 / (1 + np.exp(-(x @ kernel + bias)))


def test_the_rule_is_half_the_cardinality_and_at_most_fifty():
    lesson = {"Store": 1116, "DayOfWeek": 8, "Year": 4, "StateHoliday": 3}
    assert embedding_widths(lesson) == {"Store": 50, "DayOfWeek": 4, "Year": 2, "StateHoliday": 2}


def test_the_model_is_the_network_with_one_embedding_per_column(rng):
    model = entity_embedding_model(
        CARDINALITIES, 3, hidden=[20, 10], dropout=[0.1, 0.2], embedding_dropout=0.3, y_range=(2, 7)
    )
    model.get_layer("values_norm").set_weights([rng.uniform(0.5, 2, 3) for _ in range(4)])
    batch = inputs(rng)
    expected = naive_prediction(model, batch, embedding_widths(CARDINALITIES))
    np.testing.assert_allclose(model.predict(batch, verbose=0), expected, rtol=1e-4)


def test_columns_of_one_width_share_a_table():
    tables = embedding_tables(CARDINALITIES, embedding_widths(CARDINALITIES))
    assert [(table.width, table.columns, table.offsets, table.rows) for table in tables] == [
        (2, ("Promo",), (0,), 3),
        (4, ("Day", "Month", "Hour"), (0, 8, 15), 23),
        (50, ("Store",), (0,), 116),
    ]


def test_vectors_and_layers_start_as_in_the_lesson():
    keras.utils.set_random_seed(0)
    model = entity_embedding_model({"a": 3000, "b": 3000}, 2, hidden=[400])
    table = model.get_layer("embeddings_50").get_weights()[0]
    assert np.abs(table).max() == pytest.approx(2 / 51, rel=1e-3) and abs(table.mean()) < 1e-3
    kernel, bias = model.get_layer("hidden_1").get_weights()
    assert kernel.std() == pytest.approx(np.sqrt(2 / 102), rel=0.03) and not bias.any()


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"Store": 10}, [10, 4, 2, 4, 4]),
        ([5, 4, 3, 2, 1], [5, 4, 3, 2, 1]),
        ([(116, 6), (8, 5), (3, 4), (7, 3), (8, 2)], [6, 5, 4, 3, 2]),
    ],
)
def test_sizes_can_be_given(sizes, expected):
    assert list(embedding_widths(CARDINALITIES, sizes).values()) == expected


@pytest.mark.parametrize(("cardinalities", "continuous", "names"), [({}, 4, {"values"}), ([9, 3], 0, {"codes"})])
def test_a_kind_of_column_may_be_missing(cardinalities, continuous, names):
    model = entity_embedding_model(cardinalities, continuous, 3, activation="softmax", hidden=[8])
    batch = {"codes": np.zeros((2, 2), np.int32), "values": np.zeros((2, 4), np.float32)}
    predictions = model.predict({name: batch[name] for name in names}, verbose=0)
    assert {tensor.name for tensor in model.inputs} == names
    np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=1e-5)


def test_groups_are_embeddings_hidden_and_output():
    model = entity_embedding_model(CARDINALITIES, 3, hidden=[8, 8], batch_norm=True)
    names = [[layer.name for layer in group] for group in embedding_groups(model)]
    assert names[0] == ["embeddings_2", "embeddings_4", "embeddings_50"]
    assert names[2] == ["output"]
    assert set(names[1]) == {"values_norm", "hidden_1", "hidden_norm_1", "hidden_2", "hidden_norm_2"}


@pytest.mark.slow
def test_a_saved_model_is_plain_keras(tmp_path, rng):
    model, batch = entity_embedding_model(CARDINALITIES, 3, hidden=[8], y_range=(0, 1)), inputs(rng)
    assert "kerasfast" not in model.to_json()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(batch, verbose=0), model.predict(batch, verbose=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embedding_sizes": [1, 2]}, "2 entries, but there are 5 categorical columns"),
        ({"embedding_sizes": {"Shop": 3}}, r"names \['Shop'\]"),
        ({"embedding_sizes": {"Day": 0}}, r"`embedding_sizes\['Day'\]` must be a whole number"),
        ({"embedding_sizes": {"Day": (7, 4)}}, "'Day' is .7, 4., but the column has 8 codes"),
        ({"dropout": [0.1]}, "`dropout` has 1 values for 2 hidden layers"),
        ({"dropout": 1.0}, "`dropout` must be a number, 0 or more and below 1"),
        ({"embedding_dropout": -0.1}, "`embedding_dropout` must be a number, 0 or more"),
        ({"hidden": [8, 0]}, "`hidden` must be a whole number"),
        ({"y_range": (3, 3)}, "two finite numbers that rise"),
        ({"y_range": 3}, "smallest, largest"),
        ({"y_range": (0, 1), "activation": "softmax"}, "`y_range` is for regressions"),
        ({"activation": "tanh"}, "`activation` must be"),
        ({"cardinalities": {}, "continuous": 0}, "needs categorical or continuous columns"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        entity_embedding_model(**{"cardinalities": CARDINALITIES, "continuous": 3} | arguments)


def test_a_model_converts_to_litert_and_predicts_the_same(rng):
    model = entity_embedding_model(CARDINALITIES, 3, hidden=(8,), y_range=(0, 9))
    batch = inputs(rng, rows=5)
    flat = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    runner = tf.lite.Interpreter(model_content=flat).get_signature_runner()
    np.testing.assert_allclose(next(iter(runner(**batch).values())), model(batch), rtol=1e-5)
