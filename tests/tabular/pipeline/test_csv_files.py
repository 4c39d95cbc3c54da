"""Files of separated values as others write them."""

import pandas as pd
import pytest

from kerasfast.tabular.pipeline.csv_files import read_csv

TABLE = pd.DataFrame({"town": ["Köln", "Ulm", "Bonn"], "size": [1.5, 20.25, 3.0], "name, first": ["a", "b", "c"]})
FORMS = [
    ({}, ""),
    ({"encoding": "utf-8-sig"}, ""),
    ({"sep": ";"}, "sep=';'"),
    ({"sep": "\t", "encoding": "utf-16"}, r"encoding='utf-16', sep='\t'"),
    ({"sep": ";", "decimal": ",", "encoding": "cp1252"}, "encoding='cp1252', sep=';', decimal=',', thousands='.'"),
]


@pytest.mark.parametrize(("form", "said"), FORMS)
def test_separators_encodings_and_decimal_commas_are_recognised_and_said(form, said, tmp_path, capsys):
    TABLE.to_csv(tmp_path / "t.csv", index=False, **form)
    pd.testing.assert_frame_equal(read_csv(tmp_path / "t.csv"), TABLE)
    printed = capsys.readouterr().out
    assert printed == (f"t.csv was read with pandas.read_csv(..., {said})\n" if said else "")


def test_thousands_are_no_decimal_commas(tmp_path):
    (tmp_path / "t.csv").write_text("a;b\n1,000;2\n20,000;3\n")
    assert read_csv(tmp_path / "t.csv")["a"].tolist() == ["1,000", "20,000"]


def test_blanks_after_separators_are_no_part_of_names_and_values(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("age, work\n39, Private\n50, ?\n")
    frame = read_csv(tmp_path / "t.csv")
    assert frame.columns.tolist() == ["age", "work"] and frame["work"].tolist() == ["Private", "?"]
    assert "skipinitialspace=True" in capsys.readouterr().out


def test_what_is_no_table_is_named(tmp_path):
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ValueError, match=r"empty.csv.* cannot be read"):
        read_csv(tmp_path / "empty.csv")
    with pytest.raises(FileNotFoundError, match=r"no file .*absent.csv"):
        read_csv(tmp_path / "absent.csv")
