"""A YAML file without the person is read as before, and its comments and layout stay."""

import pytest
import yaml

from vitrine.forgetting import yaml_texts
from vitrine.forgetting.person import Person


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("customers: [17850, 178501]", "customers: [(erased), 178501]"),
        ("customers: ['17850', \"17850\"]", "customers: [(erased), (erased)]"),
        ("a:\n  customers:\n  - '17850' # why\n", "a:\n  customers:\n  - (erased) # why\n"),
        ("customers: {customer_id: 17850}", "customers: {customer_id: (erased)}"),
        ("customers: &all [17850]\nothers: *all\n", "customers: &all [(erased)]\nothers: *all\n"),
        (
            "\ufeffcustomer: 17850\r\n---\r\ncustomers: [17850]\r\n",
            "\ufeffcustomer: (erased)\r\n---\r\ncustomers: [(erased)]\r\n",
        ),
        ("products: [17850]", "products: [17850]"),
        ("customers: {products: [17850]}", "customers: {products: [17850]}"),
        ("customers: [17850\nand customer 17850", "customers: [17850\nand customer (erased)"),
    ],
)
def test_a_number_is_found_under_the_name_of_customers(tmp_path, text, left):
    file = tmp_path / "a.yaml"
    file.write_bytes(text.encode())
    count = yaml_texts.found(file, Person("17850"))
    yaml_texts.erase(file, Person("17850"))
    assert file.read_bytes().decode() == left
    assert count == sum(a != b for a, b in zip(text.split("\n"), left.split("\n"), strict=True))
    assert yaml_texts.found(file, Person("17850")) == 0


@pytest.mark.parametrize("text", ["[{}]", "{{a: {}}}", "- {}", "a: 'see {}, twice'", '"{}": 1'])
def test_what_stands_instead_of_a_word_is_a_text(tmp_path, text):
    file = tmp_path / "a.yaml"
    file.write_text(text.format("U0000549"))
    told = repr(yaml.safe_load(file.read_text()))
    yaml_texts.erase(file, Person("U0000549"))
    assert repr(yaml.safe_load(file.read_text())) == told.replace("U0000549", "(erased)")
