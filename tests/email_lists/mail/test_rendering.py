from html.parser import HTMLParser
from typing import Any

import pytest

from email_lists.mail.rendering import SUBJECT_LENGTH, Renderer
from email_lists.mail.texts import TEXTS
from tests.email_lists.written import campaign, person, product
from vitrine.errors import BadArgumentError
from vitrine.interval import parse_instant
from vitrine.list_policy import STRATEGIES, Sender

EVIL = "<script>alert(1)</script> {{ 7 * 7 }}\r\nBcc: all@example.org \u202e{% raw %}"
TOMORROW = parse_instant("2026-03-03T06:00:00Z")


class Page(HTMLParser):
    """The tags, links and pictures of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.pictures: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        self.links += [given["href"]] if tag == "a" else []
        self.pictures += [(given["src"], given["alt"])] if tag == "img" else []


def rendered(row, pictures=(), own=None, currency="EUR"):
    return Renderer(Sender(name="Boutique"), currency, own).letter(row, dict(pictures))


@pytest.mark.parametrize(
    ("language", "country", "price", "until", "today"),
    [
        ("en", "GB", "€1,234.50", "until Sunday 8 March, 06:00", "1,200 people bought this today"),
        ("en", "US", "€1,234.50", "until Sunday, March 8, 1:00\u202fAM", "1,200 people bought"),
        ("fr", "FR", "1\u202f234,50\xa0€", "jusqu’au dimanche 8 mars à 07:00",
         "1\u202f200 personnes l’ont acheté"),
        ("de", "DE", "1.234,50\xa0€", "bis Sonntag, 8. März, 07:00 Uhr", "von 1.200 Personen"),
        ("es", "ES", "1.234,50\xa0€", "hasta el domingo 8 de marzo, 7:00 h", "1.200 personas"),
        ("it", "IT", "1.234,50\xa0€", "fino a domenica 8 marzo, ore 07:00", "1.200 persone"),
        ("mt", "MT", "€1,234.50", "until Sunday 8 March, 07:00", "1,200 people bought this today"),
    ],
)  # fmt: skip
def test_numbers_and_dates_are_the_languages_own(language, country, price, until, today):
    zones = {"GB": "Europe/London", "US": "America/New_York"}
    row = person(
        language=language,
        country=country,
        timezone=zones.get(country, "Europe/Paris"),
        products=[product(bought_today_count=1200)],
    )
    letter = rendered(row)
    for body in (letter.html, letter.text):
        assert all(said in body for said in (price, until, today))
    assert f'<html lang="{"en" if language == "mt" else language}">' in letter.html


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_says_what_it_is_in_html_and_plain_text_alike(language, strategy):
    row = person(
        language=language,
        strategy=strategy,
        campaigns=[campaign(1, brand="Loom", name="Loom", opens_at=TOMORROW), campaign(2)],
        products=[product(n) for n in range(1, 8)],
    )
    letter = rendered(row)
    page = Page(letter.html)
    assert TEXTS[language][f"{strategy}_title"] in letter.html
    assert ("Loom" if strategy == "early_access" else "Kiln") in letter.subject
    assert sorted(set(page.links)) == sorted(
        {line.strip() for line in letter.text.splitlines() if "https://" in line}
    )
    campaigns_come_first = letter.text.index("/campaigns/k1?") < letter.text.index("/k1/p01?")
    assert campaigns_come_first == (strategy == "early_access")


def test_nobody_is_promised_early_access_to_what_is_open_to_all():
    letter = rendered(person(strategy="early_access"))
    assert letter.html == rendered(person(strategy="selection")).html
    assert letter.subject == rendered(person(strategy="selection")).subject


def test_a_campaign_that_is_not_open_yet_says_when_it_opens_and_a_permanent_one_nothing():
    row = person(
        campaigns=[campaign(1, opens_at=TOMORROW), campaign(2, name="Lux", closes_at=None)]
    )
    text = rendered(row).text
    assert "* Kiln, ouverture mardi 3 mars à 07:00\n" in text
    assert "* Lux\n" in text


def test_two_campaigns_of_one_name_are_told_apart():
    row = person(campaigns=[campaign(1), campaign(2, sector="toys"), campaign(3, name="Lux")])
    letter = rendered(row)
    for body in (letter.html, letter.text):
        assert "Kiln, home" in body
        assert "Kiln, toys" in body
        assert "Lux, home" not in body


def test_who_answers_for_the_letter_is_its_last_line():
    sender = Sender(imprint="Boutique SARL, 1 rue <Bleue>, Paris")
    letter = Renderer(sender, "EUR").letter(person(), {})
    assert letter.text.endswith("\nBoutique SARL, 1 rue <Bleue>, Paris\n")
    assert "1 rue &lt;Bleue&gt;" in letter.html
    assert rendered(person()).text.endswith("?message=letter-to-anna\n")


def test_what_cannot_be_unsubscribed_from_is_not_sent():
    letter = rendered(person(consent_id=None))
    link = "https://shop.example/unsubscribe?message=letter-to-anna"
    assert link in Page(letter.html).links
    assert link in letter.text
    assert TEXTS["fr"]["consent"] not in letter.html
    assert TEXTS["fr"]["consent"] in rendered(person()).html


def test_names_can_neither_run_nor_break_a_line_nor_lead_elsewhere():
    named: dict[str, Any] = {"name": EVIL, "brand": EVIL}
    row = person(
        campaigns=[campaign(**named, campaign_id="k/../1?x=<b>")],
        products=[product(**named, cause_name=EVIL, product_id="javascript:p1")],
    )
    plain = rendered(person(), {"p01": "p01.png"})
    evil = rendered(row, {"javascript:p1": "p01.png"})
    assert Page(evil.html).tags == Page(plain.html).tags
    assert "{{ 7 * 7 }}" in evil.html, "text, as it was given"
    assert "49" not in evil.html
    assert all(link.startswith("https://shop.example/") for link in Page(evil.html).links)
    assert "/campaigns/k%2F..%2F1%3Fx%3D%3Cb%3E?message=letter-to-anna" in evil.text
    assert not any(line.startswith("Bcc") for line in evil.text.splitlines())
    for written in (evil.subject, evil.html, evil.text):
        assert "\u202e" not in written
    assert evil.subject.isprintable()
    assert len(evil.subject) <= SUBJECT_LENGTH


def test_pictures_are_shown_where_they_are_and_the_brand_stands_in():
    row = person(products=[product(1), product(2)])
    [shown] = Page(rendered(row, {"p01": "https://pictures.example/1.png"}).html).pictures
    assert shown == ("https://pictures.example/1.png", "blue mug 1")
    assert 'class="blank"' in rendered(row, {"p01": "1.png"}).html
    assert 'class="blank"' not in rendered(row).html, "no gaps in a shop without pictures"


def test_a_letter_that_shows_nothing_is_still_a_letter():
    letter = rendered(person(campaigns=[], products=[], language="en"))
    assert letter.subject == "Your selection today"
    assert "unsubscribe?message=" in letter.text


def test_a_shops_own_template_comes_first_and_of_its_language_before(tmp_path):
    (tmp_path / "letter.txt").write_text("ours: {{ title }}")
    (tmp_path / "letter.fr.txt").write_text("la nôtre : {{ title }}")
    assert rendered(person(), own=tmp_path).text == "la nôtre : Votre sélection du jour"
    assert rendered(person(language="en"), own=tmp_path).text == "ours: Your selection today"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe"),
        ("{{ products.append(1) }}", "unsafe"),
        ("{{ self.__init__.__globals__ }}", "unsafe"),
        ("{{ email_address }}", "'email_address' is undefined"),
        ("{% for %}", "letter.fr.html, line 1"),
        ("{% include '/etc/passwd' %}", "/etc/passwd"),
        ("{% include '../secret' %}", "../secret"),
        ("{% for n in range(999999999) %}{% endfor %}", "Range too big"),
    ],
)
def test_a_template_reaches_nothing_but_what_it_is_given(tmp_path, template, message):
    (tmp_path / "own").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "own" / "letter.fr.html").write_text(template)
    row = person() | {"email_address": "anna@example.org"}
    with pytest.raises(BadArgumentError, match=r"the template .*letter\.fr\.html.*") as refusal:
        rendered(row, own=tmp_path / "own")
    assert message in str(refusal.value)
