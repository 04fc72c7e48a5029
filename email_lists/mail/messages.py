"""A letter as a mail server takes it: RFC 5322 headers, plain text and HTML in one MIME message.

The headers for unsubscribing (RFC 2369, RFC 8058) are the export's. No header can hold a line end:
`email` refuses it. The same letter gives the same bytes.
"""

from collections.abc import Mapping
from email.headerregistry import Address, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, Policy
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from email_lists.mail.rendering import Letter
from vitrine.list_policy import Sender

UNSUBSCRIBE = {
    "List-Unsubscribe": "list_unsubscribe",
    "List-Unsubscribe-Post": "list_unsubscribe_post",
}
"""The headers and the columns of the export that hold them."""


class _Unfolded(UniqueUnstructuredHeader):
    """A header of addresses, which `email` would encode where they are longer than a line."""

    name: str
    """The registry mixes it in with `BaseHeader`, which has it."""

    def fold(self, *, policy: "Policy[Any]") -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _headers() -> HeaderRegistry:
    registry = HeaderRegistry()
    for name in UNSUBSCRIBE:
        registry.map_to_type(name, _Unfolded)  # type: ignore[arg-type]  # as `name`
    return registry


_POLICY = SMTP.clone(header_factory=_headers())


def message(
    row: Mapping[str, Any],
    letter: Letter,
    address: str,
    sender: Sender,
    list_name: str,
    pictures: Mapping[str, Path],
) -> bytes:
    """Write one letter to one address, lines ended by CRLF.

    Parameters
    ----------
    row
        Of the export: message_id, language, send_at, list_unsubscribe, list_unsubscribe_post.
    address
        ASCII, as `email_lists.audience.deliverable` checked it.
    pictures
        Files that the letter shows, by their content ids: those in `cid:` addresses.

    Raises
    ------
    ValueError
        If a header would hold a line end.
    """
    domain = sender.address.rpartition("@")[2]
    mail = EmailMessage(_POLICY)
    mail["From"] = Address(sender.name, addr_spec=sender.address)
    mail["To"] = Address(addr_spec=address)
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(row["send_at"])
    mail["Message-ID"] = f"<{row['message_id']}@{domain}>"
    mail["List-ID"] = f"<{list_name}.{domain}>"
    for header, column in UNSUBSCRIBE.items():
        mail[header] = row[column]
    mail["Auto-Submitted"] = "auto-generated"
    # Quoted-printable keeps lines short, whatever the shop's own template does.
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    mail["Content-Language"] = row["language"]
    _attach(mail, pictures)
    for n, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"{row['message_id']}-{n}")
    return bytes(mail)


def _attach(mail: EmailMessage, pictures: Mapping[str, Path]) -> None:
    page = mail.get_body(("html",))
    if not isinstance(page, MIMEPart):
        raise AssertionError("a letter without HTML")
    for content_id, file in pictures.items():
        kind = {"jpg": "jpeg"}.get(file.suffix[1:].lower(), file.suffix[1:].lower())
        page.add_related(file.read_bytes(), "image", kind, cid=f"<{content_id}>")
