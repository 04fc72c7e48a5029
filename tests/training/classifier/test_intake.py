import pytest

from training.classifier.intake import find_images, read_products
from vitrine.errors import BadArgumentError


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    (folder / "1").mkdir()
    for name in (
        "1.jpg",
        "1/1-back.png",
        "a_b.PNG",
        "a_b_front.png",
        "a_b_top_left.webp",
        "a.txt",
        "9.jpg",
    ):
        (folder / name).write_bytes(b"")
    return folder


def csv_file(tmp_path, text: str):
    path = tmp_path / "products.csv"
    path.write_bytes(text.encode())
    return path


def test_photographs_are_found_by_id_and_view(photographs):
    found = find_images(photographs, ["1", "a_b", "a_b_top"])
    names = {key: [file.path.name for file in files] for key, files in found.items()}
    assert names == {
        "1": ["1-back.png", "1.jpg"],
        "a_b": ["a_b.PNG", "a_b_front.png"],
        "a_b_top": ["a_b_top_left.webp"],
    }


def test_quoted_commas_and_columns_of_labels_are_read_past(tmp_path, photographs):
    path = csv_file(
        tmp_path,
        '\ufeffid,gender,productDisplayName,description\r\n1,Men,"Shirt, ""blue""",\r\n'
        '2,Women,Boot,"two\nlines"\r\n',
    )
    products, refused, _ = read_products(path, photographs)
    assert [(p.product_id, p.text) for p in products] == [
        ("1", 'Shirt, "blue"'),
        ("2", "Boot two\nlines"),
    ]
    assert [len(p.images) for p in products] == [2, 0]
    assert refused == 0
    assert not products[0].labels


def test_all_that_is_written_about_a_product_is_read(tmp_path, photographs):
    path = csv_file(
        tmp_path, "ID,Name,colour,Composition,description\n1,Shirt,red,cotton,warm\n2,,,linen,\n"
    )
    products, _, text_columns = read_products(path, photographs)
    assert [p.text for p in products] == ["Shirt warm cotton", "linen"]
    assert text_columns == ("Name", "description", "Composition")


def test_unquoted_commas_in_the_last_column_belong_to_it(tmp_path, photographs):
    path = csv_file(tmp_path, "product_id,name\n1,Shirt, blue, long\n")
    assert read_products(path, photographs)[0][0].text == "Shirt, blue, long"


def test_rows_without_an_id_or_with_one_seen_before_are_refused(tmp_path, photographs):
    path = csv_file(tmp_path, "product_id,name\n1,Shirt\n,Nothing\n1,Other\n\n2\n")
    products, refused, _ = read_products(path, photographs)
    assert [(p.product_id, p.text) for p in products] == [("1", "Shirt"), ("2", "")]
    assert refused == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column product_id or id; it has no columns at all"),
        ("sku,name\n1,Shirt\n", "no column product_id or id; it has sku, name"),
        ("id,name\n", "no row with a product id"),
        ("id,name\n,Shirt\n", "no row with a product id"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path, photographs, text, message):
    with pytest.raises(BadArgumentError, match=message) as refused:
        read_products(csv_file(tmp_path, text), photographs)
    assert "\n" not in str(refused.value)


def test_absent_files_and_folders_are_refused(tmp_path, photographs):
    with pytest.raises(BadArgumentError, match="No such file"):
        read_products(tmp_path / "absent.csv", photographs)
    with pytest.raises(BadArgumentError, match="no such folder"):
        read_products(csv_file(tmp_path, "id\n1\n"), tmp_path / "absent")
