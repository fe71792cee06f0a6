"""Every way in which a customer's table can be unusable ends in one sentence that says where and what to do."""

import gzip
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from seatrial.contracts.dataset import TIME_ADVICE, DatasetSpec
from seatrial.rehearsal.customer import DataError, load_customer_table

SPEC = DatasetSpec(
    name="t",
    kind="table",
    id="id",
    label="left",
    positive="yes",
    columns={"age": "numeric", "plan": "categorical"},
)
HEADER = "id,age,plan,note,left"


def rows(count: int = 200) -> list[str]:
    return [f"s{row},{20 + row % 50},{'abc'[row % 3]},x,{'yes' if row % 4 == 0 else 'no'}" for row in range(count)]


def written(folder: Path, lines: list[str], name: str = "t.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes("\n".join(lines).encode(encoding) + b"\n")
    return path


def loaded(path: Path, spec: DatasetSpec = SPEC):
    return load_customer_table(path, spec, minimum_rows=100)


def refusal(path: Path, spec: DatasetSpec = SPEC) -> str:
    with pytest.raises(DataError) as error:
        loaded(path, spec)

    text = str(error.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text.removeprefix(str(path))


def changed(line: int, text: str) -> list[str]:
    """A good file whose line (the header is line 1) is replaced."""
    lines = [HEADER, *rows()]
    lines[line - 1] = text
    return lines


def test_reads_the_mapped_columns_as_text_with_nulls_where_missing(tmp_path):
    table = loaded(written(tmp_path, changed(3, "s1, ,b,x,no")))

    assert table.column_names == ["id", "left", "age", "plan"]
    assert table.slice(0, 2).to_pylist() == [
        {"id": "s0", "left": "yes", "age": "20", "plan": "a"},
        {"id": "s1", "left": "no", "age": None, "plan": "b"},
    ]


@pytest.mark.parametrize("missing", ["", "NA", "n/a", "NaN", "NULL", "None", "?"])
def test_takes_the_usual_words_for_a_missing_number(tmp_path, missing):
    table = loaded(written(tmp_path, changed(2, f"s0,{missing},a,x,yes")))

    assert table["age"][0].as_py() is None


@pytest.mark.parametrize(
    ("name", "separator"), [("t.csv", ","), ("t.csv", ";"), ("t.tsv", "\t"), ("t.csv.gz", ","), ("t.tsv.gz", "\t")]
)
def test_reads_every_kind_of_text_file(tmp_path, name, separator):
    text = "\r\n".join([HEADER, *rows()]).replace(",", separator).encode("utf-8-sig")
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)

    table = loaded(path)

    assert table.num_rows == 200
    assert table["id"][0].as_py() == "s0"


def test_reads_parquet_as_if_it_were_text(tmp_path):
    frame = pd.DataFrame({"id": range(200), "age": [float(row % 7) for row in range(199)] + [None]})
    frame["plan"] = pd.Categorical(["abc"[row % 3] for row in range(200)])
    frame["left"] = [row % 4 == 0 for row in range(200)]
    frame.to_parquet(tmp_path / "t.parquet")

    table = loaded(tmp_path / "t.parquet", replace(SPEC, positive="true"))

    assert table.slice(0, 1).to_pylist() == [{"id": "0", "left": "true", "age": "0", "plan": "a"}]
    assert table["age"].null_count == 1


def test_quoted_values_may_hold_the_separator_and_line_ends(tmp_path):
    path = written(tmp_path, [HEADER, 's0,20,a,"one, two\nthree",yes', *rows()[1:], "s999,old,b,x,no"])

    assert (
        refusal(path) == ", line 203, column 'age': 'old' is not a number; correct it, or map the column as categorical"
    )


def test_refuses_a_file_that_is_not_there(tmp_path):
    assert refusal(tmp_path / "t.csv") == ": no such file; give the path of a CSV, TSV or Parquet file"


def test_refuses_an_unknown_kind_of_file(tmp_path):
    path = written(tmp_path, [HEADER], name="t.xlsx")

    assert refusal(path) == ": unknown kind of file; give one of .csv, .csv.gz, .tsv, .tsv.gz, .parquet"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_refuses_an_empty_file(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)

    assert refusal(tmp_path / "t.csv") == ": the file is empty; give one with a header line and rows"


def test_refuses_a_header_without_rows(tmp_path):
    assert (
        refusal(written(tmp_path, [HEADER]))
        == ": the file has a header but no rows; give one with labelled subscribers"
    )


def test_refuses_a_damaged_gzip_file(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *rows()]).encode())[:-20])

    assert "not a complete gzip file" in refusal(path)


def test_refuses_a_damaged_parquet_file(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 nothing PAR1")

    assert "not a readable Parquet file" in refusal(path)


def test_names_the_line_where_the_encoding_changes(tmp_path):
    lines = [line.encode() for line in changed(3, "s1,21,Müller,x,no")]
    lines[9] = "s8,28,Müller,x,no".encode("latin-1")
    (tmp_path / "t.csv").write_bytes(b"\n".join(lines))

    assert refusal(tmp_path / "t.csv") == (
        ", line 10: byte 0xfc is not UTF-8, lines before it are UTF-8, so encodings are mixed; "
        "convert the file to UTF-8: iconv -f latin1 -t utf-8"
    )


def test_says_that_a_file_may_be_latin_1(tmp_path):
    path = written(tmp_path, changed(5, "s3,23,Müller,x,no"), encoding="latin-1")

    assert refusal(path).startswith(", line 5: byte 0xfc is not UTF-8, it may be Latin-1;")


def test_refuses_utf_16(tmp_path):
    path = written(tmp_path, [HEADER, *rows()], encoding="utf-16")

    assert refusal(path) == ": the text is UTF-16; convert it to UTF-8: iconv -f utf-16 -t utf-8"


def test_refuses_zero_bytes(tmp_path):
    assert refusal(written(tmp_path, changed(4, "s2,\0,a,x,no"))).startswith(", line 4: a zero byte")


def test_refuses_a_line_with_too_few_values(tmp_path):
    path = written(tmp_path, changed(7, "s5,25,a,no"))

    assert refusal(path) == ", line 7: 4 values where the header has 5; quote values that hold the separator"


def test_refuses_a_quote_that_never_ends(tmp_path):
    assert "not readable as CSV" in refusal(written(tmp_path, changed(7, 's5,25,"a,x,no')))


def test_refuses_a_column_named_twice(tmp_path):
    path = written(tmp_path, changed(1, "id,age,age,note,left"))

    assert refusal(path) == ", column 'age': the header names it 2 times; rename or remove the others"


@pytest.mark.parametrize(
    ("header", "column", "what"),
    [
        ("id,age,plan,note,gone", "left", "the label"),
        ("nr,age,plan,note,left", "id", "the subscriber's id"),
        ("id,years,tariff,note,left", "age", "a feature (and 1 more)"),
    ],
)
def test_names_the_column_that_is_not_there_and_those_that_are(tmp_path, header, column, what):
    text = refusal(written(tmp_path, changed(1, header)))

    assert text.startswith(f", column {column!r}: {what} is not in the file, which has {header.replace(',', ', ')};")


def test_refuses_the_label_as_a_feature(tmp_path):
    spec = replace(SPEC, columns={"age": "numeric", "left": "categorical"})

    assert "column 'left': is the label or the id and must not be a feature" in refusal(
        written(tmp_path, [HEADER, *rows()]), spec
    )


def test_refuses_an_engagement_that_maps_nothing(tmp_path):
    assert "maps no columns" in refusal(written(tmp_path, [HEADER, *rows()]), replace(SPEC, columns={}))


@pytest.mark.parametrize(
    ("value", "hint"), [("old", "map the column as categorical"), ("12.5.1", "categorical"), ("1_000", "categorical")]
)
def test_refuses_text_in_a_numeric_column(tmp_path, value, hint):
    text = refusal(written(tmp_path, changed(7, f"s5,{value},a,x,no")))

    assert text.startswith(f", line 7, column 'age': {value!r} is not a number;")
    assert hint in text


def test_asks_for_a_decimal_point(tmp_path):
    lines = [line.replace(",", ";") for line in changed(7, "s5,25,a,x,no")]
    lines[6] = "s5;25,5;a;x;no"

    assert refusal(written(tmp_path, lines)) == ", line 7, column 'age': '25,5' is not a number; write a decimal point"


@pytest.mark.parametrize("value", ["1e300", "-1e16", "inf", "9" * 400])
def test_refuses_huge_numbers(tmp_path, value):
    text = refusal(written(tmp_path, changed(9, f"s7,{value},a,x,no")))

    assert text.startswith(", line 9, column 'age': ")
    assert text.endswith("is beyond 1e+15; correct it, or leave it empty if it is unknown")
    assert len(text) < 250


@pytest.mark.parametrize("length", [20_000, 200_000])
def test_refuses_huge_texts(tmp_path, length):
    assert ", line 9" in refusal(written(tmp_path, changed(9, f"s7,27,{'a' * length},x,no")))


def test_refuses_a_feature_that_is_always_missing(tmp_path):
    lines = [HEADER, *(f"s{row},,a,x,{'yes' if row % 2 else 'no'}" for row in range(200))]

    assert ", column 'age': has no value at all" in refusal(written(tmp_path, lines))


def test_refuses_a_category_that_names_rows(tmp_path):
    lines = [HEADER, *(f"s{row},20,name{row},x,{'yes' if row % 2 else 'no'}" for row in range(1200))]

    assert ", column 'plan': 1,200 different values in 1,200 rows: this names rows" in refusal(written(tmp_path, lines))


def test_refuses_a_missing_id(tmp_path):
    assert ", line 9, column 'id': the subscriber's id is missing" in refusal(
        written(tmp_path, changed(9, ",27,a,x,no"))
    )


@pytest.mark.parametrize("label", ["", "NA", " "])
def test_refuses_missing_labels(tmp_path, label):
    path = written(tmp_path, changed(9, f"s7,27,a,x,{label}"))

    assert refusal(path) == ", line 9, column 'left': 1 of 200 rows have no label; fill them or leave these rows out"


def test_refuses_one_class_only(tmp_path):
    lines = [HEADER, *(line.replace("yes", "no") for line in rows())]

    assert (
        refusal(written(tmp_path, lines)) == ", column 'left': every label is 'no': one class only; give rows of both"
    )


def test_says_which_labels_there_are_when_none_means_churn(tmp_path):
    text = refusal(written(tmp_path, [HEADER, *rows()]), replace(SPEC, positive="1"))

    assert text == (
        ", column 'left': no label is '1', which means churn, but 'no', 'yes'; correct training.dataset.positive"
    )


def test_refuses_a_class_of_a_handful(tmp_path):
    lines = [HEADER, *(f"s{row},20,a,x,{'yes' if row < 7 else 'no'}" for row in range(200))]

    assert refusal(written(tmp_path, lines)) == ", column 'left': only 7 churners; give at least 50 of each class"


def test_refuses_too_few_rows(tmp_path):
    path = written(tmp_path, [HEADER, *rows()])

    with pytest.raises(DataError, match=r"200 rows are too few; .* give at least 1,000"):
        load_customer_table(path, SPEC)


def test_names_the_row_of_a_parquet_file_which_has_no_lines(tmp_path):
    frame = pd.DataFrame({"id": range(200), "age": [1e300 if row == 4 else 1.0 for row in range(200)]})
    frame.assign(plan="a", left=["yes", "no"] * 100).to_parquet(tmp_path / "t.parquet")

    assert refusal(tmp_path / "t.parquet").startswith(", row 5, column 'age': '1e+300' is beyond")


def test_a_label_that_is_the_same_number_is_the_same_label(tmp_path):
    lines = [HEADER, *(f"s{row},20,a,x,{'1.0' if row % 2 else '0.0'}" for row in range(200))]

    table = loaded(written(tmp_path, lines), replace(SPEC, positive="1"))

    assert sorted(set(table["left"].to_pylist())) == ["0.0", "1"]


def test_refuses_an_id_that_hardly_tells_rows_apart(tmp_path):
    lines = [f"s1,{line.split(',', 1)[1]}" for line in rows()]

    text = refusal(written(tmp_path, [HEADER, *lines]))

    assert text.startswith(", column 'id': 1 different subscribers in 200 rows are too few; name the column")


def test_the_time_of_each_row_is_kept_as_it_is(tmp_path):
    times = [f"2026-11-01T{row % 24:02}:00:00Z" for row in range(200)]
    lines = [f"{HEADER},seen_at", *(f"{line},{time}" for line, time in zip(rows(), times, strict=True))]

    table = loaded(written(tmp_path, lines), replace(SPEC, time_column="seen_at"))

    assert table.column("seen_at").to_pylist() == times


@pytest.mark.parametrize("text", ["2026-11-01", "", "12:30"])
def test_refuses_a_time_that_cannot_be_read_with_its_line_and_value(tmp_path, text):
    lines = [f"{HEADER},seen_at", *(f"{line},{text}" for line in rows())]

    found = refusal(written(tmp_path, lines), replace(SPEC, time_column="seen_at"))

    assert found == f", line 2, column 'seen_at': {TIME_ADVICE}, got {text!r}"


def test_refuses_a_file_without_the_time_column(tmp_path):
    found = refusal(written(tmp_path, [HEADER, *rows()]), replace(SPEC, time_column="seen_at"))

    assert "the rows' time is not in the file" in found
    assert "correct training.dataset.time_column (or leave it out)" in found
