import csv
import gzip
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from vitrine import raw_csv
from vitrine.errors import BadInputError

HEADER = ("a", "b")


def write(folder: Path, text: str | bytes, name: str = "drop.csv") -> Path:
    file = folder / name
    data = text.encode() if isinstance(text, str) else text
    file.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return file


@pytest.mark.parametrize("name", ["drop.csv", "drop.csv.gz"])
def test_every_row_is_text_and_knows_its_place(tmp_path, name):
    file = write(tmp_path, '\ufeffa,b\r\n1,\r\n\r\n"x, ""y""",007\r\n', name)
    raw = raw_csv.read(file, HEADER, tmp_path)
    assert raw.rows.to_pylist() == [
        {"a": "1", "b": "", "_file": name, "_row": 1},
        {"a": 'x, "y"', "b": "007", "_file": name, "_row": 2},
    ]
    assert (raw.row_count, raw.malformed) == (2, {})


def test_rows_that_do_not_fit_are_kept_apart_with_their_numbers(tmp_path):
    raw = raw_csv.read(write(tmp_path, "a,b\n1,2\n1,2,3\n4,5\n6\n7,8"), HEADER, tmp_path)
    assert raw.rows["_row"].to_pylist() == [1, 3, 5]
    assert raw.malformed == {2: "3 fields instead of 2", 4: "1 fields instead of 2"}


def test_an_open_quote_swallows_no_neighbour(tmp_path):
    raw = raw_csv.read(write(tmp_path, 'a,b\n1,2\n"x,3\n4,"5\n6" ruler,7\n'), HEADER, tmp_path)
    assert raw.rows["a"].to_pylist() == ["1", '6" ruler']
    assert raw.malformed == {2: raw_csv.TORN, 3: raw_csv.TORN}


def test_quarantine_holds_malformed_and_refused_rows_in_their_order(tmp_path):
    raw = raw_csv.read(write(tmp_path, "a,b\n1,2\n3\n"), HEADER, tmp_path)
    refused = raw.rows.select(["_row"]).rename_columns(["row"])
    refused = refused.append_column("reason", [["odd"]]).append_column("detail", [["1"]])
    assert raw.quarantine(refused, "orders").to_pylist() == [
        {"file": "drop.csv", "row": 1, "table": "orders", "reason": "odd", "detail": "1"},
        {
            "file": "drop.csv",
            "row": 2,
            "table": "orders",
            "reason": "malformed",
            "detail": "1 fields instead of 2",
        },
    ]


def test_a_file_without_rows_has_none(tmp_path):
    assert raw_csv.read(write(tmp_path, "a,b"), HEADER, tmp_path).row_count == 0


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "drop.csv", "first line is ''"),
        (b"b,a\n1,2\n", "drop.csv", "first line is 'b,a'"),
        (b"a,b\n1,\xa35\n", "drop.csv", r"line 2: byte b'\\xa3' is not UTF-8"),
    ],
)
def test_a_file_that_is_no_such_export_is_refused_by_name(tmp_path, data, name, message):
    with pytest.raises(BadInputError, match=message) as refusal:
        raw_csv.read(write(tmp_path, data, name), HEADER, tmp_path)
    assert name in str(refusal.value)


@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_truncated_gzip_file_is_refused(tmp_path, kept):
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(9999)))
    file = tmp_path / "drop.csv.gz"
    file.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(BadInputError, match="not a whole gzip file"):
        raw_csv.read(file, HEADER, tmp_path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="cannot be read"):
        raw_csv.read(tmp_path / "drop.csv", HEADER, tmp_path)


@hypothesis_settings(max_examples=100, deadline=None)
@given(lines=st.lists(st.text(alphabet='ab",\t\r ', max_size=8), max_size=6))
def test_every_line_is_accounted_for_whatever_it_holds(tmp_path_factory, lines):
    file = write(tmp_path_factory.mktemp("raw"), "a,b\n" + "\n".join(lines))
    raw = raw_csv.read(file, HEADER, file.parent)
    expected = sum(
        bool(line.strip()) for line in "\n".join(lines).replace("\r\n", "\n").split("\n")
    )
    numbers = [*raw.rows["_row"].to_pylist(), *raw.malformed]
    assert sorted(numbers) == list(range(1, expected + 1))


def slow(text: str, header: tuple[str, ...]) -> tuple[list[dict], dict[int, str]]:
    """Read line by line what `raw_csv.read` reads in whole columns."""
    rows, malformed = [], {}
    lines = text.replace("\r\n", "\n").split("\n")[1:]
    for number, line in enumerate(filter(str.strip, lines), start=1):
        if not re.fullmatch(raw_csv.WHOLE_LINE, line) or "\r" in line:
            malformed[number] = raw_csv.TORN
            continue
        (fields,) = csv.reader([line])
        if len(fields) != len(header):
            malformed[number] = f"{len(fields)} fields instead of {len(header)}"
        else:
            rows.append(dict(zip(header, fields, strict=True)) | {"_row": number})
    return rows, malformed


fields = st.sampled_from(
    ["", "1", "é", "a b", '"q"', '"a,b"', '"a""b"', '6" x', '"open', "\r", "\t"]
)
dirty_lines = st.lists(st.lists(fields, min_size=1, max_size=4).map(",".join), max_size=9)


@hypothesis_settings(max_examples=60, deadline=None)
@given(lines=dirty_lines, end=st.sampled_from(["\n", "\r\n"]), closed=st.booleans())
@pytest.mark.parametrize("block", [2, raw_csv.BLOCK_LINES])
def test_columns_agree_with_a_slow_loop_over_lines(tmp_path_factory, block, lines, end, closed):
    text = end.join([",".join(HEADER), *lines]) + (end if closed else "")
    file = write(tmp_path_factory.mktemp("raw"), text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_csv, "BLOCK_LINES", block)
        raw = raw_csv.read(file, HEADER, file.parent)
    rows, malformed = slow(text, HEADER)
    assert raw.rows.drop_columns(["_file"]).to_pylist() == rows
    assert raw.malformed == malformed
