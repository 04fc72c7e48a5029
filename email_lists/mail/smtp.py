"""One letter's way into a mail server (RFC 5321), step by step, no faster than allowed.

The steps are told apart because of what a kill between them means: a server forgets a letter whose
end it has not seen, and keeps one whose end it has.
"""

import re
import smtplib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from vitrine.errors import MachineError
from vitrine.list_policy import Delivery

SECONDS = 30
"""How long an answer may take."""
_DATA, _DONE = 354, 250


class Answer(Enum):
    """What the server says of a letter."""

    TAKEN = "taken"
    NOT_NOW = "not now"
    NEVER = "never"


class MailServer:
    """An open connection. What goes wrong with it is a `MachineError` that names no address."""

    def __init__(self, delivery: Delivery, sender: str) -> None:
        self._name = f"the mail server {delivery.host}:{delivery.port}"
        self._sender = sender
        self._pause = 1 / delivery.messages_per_second
        self._free_at = time.monotonic()
        with self._answering():
            self._smtp = smtplib.SMTP(delivery.host, delivery.port, timeout=SECONDS)
            if self._smtp.sock is not None:
                # The end of a letter is a small piece after a large one, and waits for no company.
                self._smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._smtp.ehlo_or_helo_if_needed()

    def wait(self) -> None:
        """Wait until it is the next letter's turn."""
        time.sleep(max(0.0, self._free_at - time.monotonic()))

    def hand_over(self, address: str, mail: bytes, at_the_end: Callable[[], None]) -> Answer:
        """Hand one letter over; the next one's turn is a pause later.

        Parameters
        ----------
        at_the_end
            Called right before the server may take the letter, and not if it refused it before.

        Raises
        ------
        MachineError
            If the connection breaks, or the server refuses the sender and so every letter.
        """
        self._free_at = max(self._free_at, time.monotonic()) + self._pause
        with self._answering():
            refusal = self._refusal(address)
            if refusal is not None:
                self._smtp.rset()
                return refusal
            # A line that begins with a dot gets another (4.5.2): a dot alone ends the letter.
            self._smtp.send(re.sub(rb"(?m)^\.", b"..", mail))
        at_the_end()
        with self._answering():
            self._smtp.send(b".\r\n")
            code, _ = self._smtp.getreply()
        return Answer.TAKEN if code // 100 == 2 else _refusal(code)

    def close(self) -> None:
        """Take leave, if the server still listens."""
        try:
            self._smtp.quit()
        except (OSError, smtplib.SMTPException):
            self._smtp.close()

    def _refusal(self, address: str) -> Answer | None:
        """Go as far as the letter itself; return why not, if the server does not want it."""
        code, _ = self._smtp.mail(self._sender)
        if code // 100 == 4:
            raise MachineError(
                f"{self._name} takes no letters now ({code}): type the same command again later"
            )
        if code != _DONE:
            raise MachineError(
                f"{self._name} refuses letters from {self._sender} ({code}): mend that, or the"
                " policy's sender.address, then type the same command again"
            )
        code, _ = self._smtp.rcpt(address)
        if code // 100 == 2:
            code, _ = self._smtp.docmd("DATA")
        return None if code == _DATA else _refusal(code)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (OSError, smtplib.SMTPException) as error:
            # The server's own words may name an address.
            raise MachineError(
                f"{self._name} does not answer, or no more ({type(error).__name__}); what it took"
                " is noted: see to it, then type the same command again"
            ) from None


@contextmanager
def connected(delivery: Delivery, sender: str) -> Iterator[MailServer]:
    """Connect to the mail server of the policy.

    Raises
    ------
    MachineError
        If it does not answer.
    """
    server = MailServer(delivery, sender)
    try:
        yield server
    finally:
        server.close()


def _refusal(code: int) -> Answer:
    """Read a reply code: 5yz is for good, 4yz for now."""
    return Answer.NEVER if code // 100 == 5 else Answer.NOT_NOW
