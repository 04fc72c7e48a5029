"""A small mail server on this machine, which keeps what it takes."""

import email
import email.policy
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass
class PostOffice:
    """What a server took, in order; it answers as it is told to."""

    port: int = 0
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    """Address and message, as they came over the wire, dots taken off."""
    answers: dict[str, bytes] = field(default_factory=dict)
    """What is said to RCPT of an address in place of 250."""
    to_a_sender: bytes = b"250 fine"
    """What is said to MAIL."""
    at_the_end: bytes = b"250 taken"
    before_answering: Callable[[int], None] = lambda count: None
    """Called with the number of letters taken before the sender is told."""
    lets_go_after: int | None = None
    """Letters after which the connection breaks, right before the answer."""

    def messages(self) -> list[EmailMessage]:
        """Read what was taken as any mail program does."""
        return [
            email.message_from_bytes(mail, policy=email.policy.default) for _, mail in self.taken
        ]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    office: PostOffice


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        # A sender that was killed says no goodbye.
        with suppress(ConnectionError):
            assert isinstance(self.server, _Server)
            self.converse(self.server.office)

    def converse(self, office: PostOffice) -> None:
        self.say(b"220 ready")
        address = ""
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"RCPT":
                address = line.split(b"<")[1].split(b">")[0].decode()
                self.say(office.answers.get(address, b"250 fine"))
            elif verb == b"MAIL":
                self.say(office.to_a_sender)
            elif verb == b"DATA":
                self.say(b"354 go on")
                mail = self.letter()
                if mail is None:
                    return
                office.taken.append((address, mail))
                office.before_answering(len(office.taken))
                if len(office.taken) == office.lets_go_after:
                    return
                self.say(office.at_the_end)
            elif verb == b"QUIT":
                self.say(b"221 bye")
                return
            else:
                self.say(b"250 fine")

    def say(self, answer: bytes) -> None:
        self.wfile.write(answer + b"\r\n")

    def letter(self) -> bytes | None:
        """Read up to the dot; None if the sender went away before: then it was never sent."""
        lines: list[bytes] = []
        for line in self.rfile:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
        return None


@contextmanager
def open_office() -> Iterator[PostOffice]:
    """Serve on a free port."""
    with _Server(("localhost", 0), _Session) as server:
        office = PostOffice(port=server.server_address[1])
        server.office = office
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield office
        server.shutdown()
