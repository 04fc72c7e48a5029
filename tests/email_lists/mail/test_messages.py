import email
import email.policy

import pytest

from email_lists.handover.export import with_unsubscribing
from email_lists.mail.messages import message
from email_lists.mail.rendering import Letter, Renderer
from tests.email_lists.written import people, person
from vitrine.list_policy import Sender

SENDER = Sender(
    name="Boutique Été",
    address="lists@shop.example",
    unsubscribe_url="https://shop.example/" + "long/" * 30 + "?message={message_id}",
)


def row(**said):
    listed = people([person(**said)])
    return with_unsubscribing(listed, SENDER).to_pylist()[0]


def written(said=None, pictures=None):
    said = said or row()
    letter = Renderer(SENDER, "EUR").letter(said, {"p01": "cid:p01.png"})
    return message(said, letter, "anna@example.org", SENDER, "daily", pictures or {})


def read(mail):
    return email.message_from_bytes(mail, policy=email.policy.default)


def test_it_has_the_headers_of_a_list(tmp_path):
    mail = read(written())
    assert mail["From"] == "Boutique Été <lists@shop.example>"
    assert mail["To"] == "anna@example.org"
    assert mail["Subject"] == "Kiln et d’autres, choisis pour vous"
    assert mail["Message-ID"] == "<letter-to-anna@shop.example>"
    assert mail["List-ID"] == "<daily.shop.example>"
    assert mail["Date"].datetime == row()["send_at"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "fr"


def test_one_click_unsubscribes_however_long_the_address_is():
    raw = written()
    page = SENDER.link("unsubscribe_url", message_id="letter-to-anna")
    mailto = "mailto:unsubscribe@shop.example?subject=letter-to-anna"
    assert f"\r\nList-Unsubscribe: <{page}>, <{mailto}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


def test_plain_text_and_html_say_the_same_and_pictures_travel_with_them(tmp_path):
    (tmp_path / "p01.png").write_bytes(b"a picture")
    mail = read(written(pictures={"p01.png": tmp_path / "p01.png"}))
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert "Parce que vous avez acheté" in text.get_content()
    assert 'src="cid:p01.png"' in page.get_content()
    [picture] = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert (picture["Content-ID"], picture.get_content()) == ("<p01.png>", b"a picture")
    assert mail.get_content_type() == "multipart/alternative"


def test_the_same_letter_gives_the_same_bytes_in_short_lines():
    assert written() == written()
    rest = [line for line in written().split(b"\r\n") if not line.startswith(b"List-Unsubscribe:")]
    assert max(len(line) for line in rest) <= 78
    assert b"\n" not in b"".join(rest)


@pytest.mark.parametrize("field", ["message_id", "language", "list_unsubscribe"])
def test_no_value_can_begin_another_header(field):
    said = row() | {field: "x\r\nBcc: all@example.org"}
    letter = Letter("subject", "<p>page</p>", "text")
    with pytest.raises(ValueError, match=r"linefeed|carriage|newline"):
        message(said, letter, "anna@example.org", SENDER, "daily", {})


def test_a_subject_cannot_begin_another_header():
    letter = Letter("subject\r\nBcc: all@example.org", "<p>page</p>", "text")
    with pytest.raises(ValueError, match=r"linefeed|carriage|newline"):
        message(row(), letter, "anna@example.org", SENDER, "daily", {})
