"""What is like a product: nearest by cosine, with what both have, from what is published."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.classifier import similarity_page
from training.classifier.similarity import (
    Article,
    Attribute,
    find_similar,
    lines,
    nearest,
    shared,
)
from training.classifier.similarity_page import thumbnail
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.interval import parse_instant

AS_OF = parse_instant("2026-01-02")


@given(st.integers(1, 12), st.integers(0, 2**16))
def test_nearest_agrees_with_a_plain_loop(count, seed):
    rng = np.random.default_rng(seed)
    drawn = rng.integers(-1, 2, (8, 3)) + 0.0
    embedding_NE = drawn / np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1)
    row = int(rng.integers(8))
    cosines = [round(float(one @ embedding_NE[row]), 6) for one in embedding_NE]
    others = sorted((n for n in range(8) if n != row), key=lambda n: (-cosines[n], n))
    found = nearest(embedding_NE, row, count)
    assert [n for n, _ in found] == others[:count]
    assert [c for _, c in found] == pytest.approx([cosines[n] for n in others[:count]], abs=1e-6)


def test_the_nearest_come_first_with_what_is_known_of_them(published):
    likeness = find_similar(published.paths, "p_1", 3)
    assert [n.article.product_id for n in likeness.neighbours] == ["p_4", "p_2", "p_3"]
    assert [n.similarity for n in likeness.neighbours] == pytest.approx([1, 0.8, 0.6], abs=1e-6)
    assert likeness.article.name.startswith("Fine ")
    assert likeness.article.place == "Atelier, fashion / all"
    assert (likeness.embedded_count, likeness.model_version) == (5, 3)


def test_shared_is_what_both_have_and_predicted_if_either_is(published):
    alike = {
        n.article.product_id: n.shared for n in find_similar(published.paths, "p_1", 3).neighbours
    }
    red = Attribute("colour", "red", is_predicted=False)
    silk = Attribute("fabric", "silk", is_predicted=True)
    assert alike == {"p_4": (), "p_2": (red, silk), "p_3": ()}


def article(*attributes: Attribute) -> Article:
    return Article("p", "Boot", "Atelier", "fashion", "boots", attributes, ())


def test_an_answer_to_another_task_is_not_shared():
    one = article(Attribute("colour", "orange", False), Attribute("size", "one", False))
    other = article(Attribute("taste", "orange", False), Attribute("size", "one", True))
    assert shared(one, other) == (Attribute("size", "one", True),)


def test_a_person_reads_it_line_by_line(published):
    said = lines(find_similar(published.paths, "p_1", 2))
    assert said[0].startswith("p_1  Fine ")
    assert said[1:3] == [
        "  Atelier, fashion / all",
        "  colour red, fabric cotton, fabric silk",
    ]
    assert said[4].startswith("1  1.00  p_4  Fine ")
    assert said[5].endswith("Atelier, fashion / all; shares no attribute")
    assert said[7].endswith("shares colour red, fabric silk*")
    assert "5 products' embeddings, classifier version 3, as of 2026-01-02" in said[-1]


def test_a_product_that_is_not_there_is_answered_with_ids_like_it(published):
    with pytest.raises(BadArgumentError) as refused:
        find_similar(published.paths, "p_11", 3)
    assert str(refused.value).startswith(
        "no product 'p_11' among the 5 that were embedded as of 2026-01-02T00:00:00Z; near: p_1;"
    )
    with pytest.raises(BadArgumentError, match="no id is written like it; what came later"):
        find_similar(published.paths, "zz", 3)


def test_without_a_publication_it_says_so(paths):
    with pytest.raises(NotPublishedError, match="nothing is published"):
        find_similar(paths, "p_1", 3)


def test_the_page_needs_no_other_file_and_escapes_names(published, tmp_path):
    likeness = find_similar(published.paths, "p_1", 4)
    bold = Article("<b>", "<script>alert(1)</script> & Co", '"x"', "a", "b", (), ())
    strange = type(likeness)(bold, likeness.neighbours, 5, 3, AS_OF)
    target = tmp_path / "similar.html"
    similarity_page.write(strange, target)
    page = target.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co" in page
    assert page.count("data:image/jpeg;base64,") == 3  # of p_2 the other view, of p_4 none
    assert page.count('loading="lazy"') == 3
    assert page.count("no photograph") == 2
    assert 'class="predicted"' in page
    assert "http" not in page
    assert 'name="viewport"' in page


def test_of_a_product_the_first_photograph_that_can_be_used_is_shown(published):
    found = {
        n.article.product_id: n.article for n in find_similar(published.paths, "p_1", 4).neighbours
    }
    assert [image.path.name for image in found["p_3"].images] == ["p_3_front.png", "p_3_back.png"]
    assert thumbnail(found["p_2"]) is not None
    assert thumbnail(found["p_4"]) is None
