"""A delivery that ends at a moment around what it writes in the book or tells the mail server."""

import os
import signal
import smtplib
import sys
from datetime import datetime
from types import FrameType
from typing import Any

from email_lists.mail import delivered
from email_lists.mail.delivery import Run, deliver
from tests.email_lists.nights import installation

LOADED = ("tests.email_lists.killed_delivery",)
"""What processes begin with: the command loads it."""
_WRITING = ("write", "flush", "fdatasync", "sendall")
_WRITERS = {delivered.__file__: "note", smtplib.__file__: "send"}
"""The functions that write a line of the book, and that tell the server something."""


def run(home: str, landing: str, at: datetime, moment: int) -> None:
    """Deliver the list daily; end right before or after one of its writes.

    There are two moments a write: of a letter five to the server, of which the last hands it over,
    three to the book before that one, and two after it. The first write of all greets the server.
    """
    passed = 0

    def end(frame: FrameType, event: str, called: Any) -> None:
        nonlocal passed
        code = frame.f_code
        if event in ("c_call", "c_return") and _WRITERS.get(code.co_filename) == code.co_name:
            passed += called.__name__ in _WRITING
            if passed == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(end)
    deliver(installation(home, landing), "daily", Run(at))
