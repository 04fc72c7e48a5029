import pytest
from click.testing import CliRunner

from training.classifier.catalogue_commands import similar
from vitrine.errors import BadArgumentError


@pytest.fixture
def run(published):
    """Call `vitrine similar`; return its answer, or raise what it raises."""

    def run(*words: str) -> str:
        settings = published.settings
        environment = {
            "VITRINE_HOME": str(settings.home),
            "VITRINE_LANDING": str(settings.landing),
            "VITRINE_SOURCE": settings.source,
        }
        result = CliRunner().invoke(similar, words, env=environment)
        if result.exception:
            raise result.exception
        return result.output

    return run


def test_it_names_as_many_products_as_are_asked_for(run):
    assert [line[:9] for line in run("p_1", "--count", "2").splitlines()] == [
        *("p_1  Fine", "  Atelier", "  colour ", ""),
        *("1  1.00  ", "         ", "2  0.80  ", "         "),
        *("", "* by the "),
    ]
    assert "4  0.00  p_0" in run("p_1")


def test_the_pictures_are_written_where_they_are_wanted(run, tmp_path):
    page = tmp_path / "new" / "page.html"
    assert run("p_1", "--html", str(page)).endswith(f"pictures -> {page}\n")
    assert page.read_text().startswith("<!doctype html>")


def test_what_cannot_be_done_is_one_line(run, tmp_path):
    with pytest.raises(BadArgumentError, match=r"--html .* is a folder: name the file to write"):
        run("p_1", "--html", str(tmp_path))
    with pytest.raises(BadArgumentError, match="no product 'p_9' among the 5"):
        run("p_9", "--html", str(tmp_path / "page.html"))
    assert list(tmp_path.iterdir()) == []
