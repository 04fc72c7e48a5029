"""What a process took of the machine: memory and bytes, as the operating system counts them."""

import os
import re
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Transfer:
    """Bytes asked of the system, whether they came from a disk or from memory."""

    bytes_read: int
    bytes_written: int

    def since(self, earlier: "Transfer") -> "Transfer":
        """Return what was added to an earlier count of the same process."""
        return Transfer(
            self.bytes_read - earlier.bytes_read, self.bytes_written - earlier.bytes_written
        )


def transfer(pid: int | None = None) -> Transfer | None:
    """Count the bytes of this process, or another's of the same user; None where nobody counts.

    Its children count once they have ended. Linux counts; macOS does not. Program files are
    included, memory-mapped files are not.
    """
    try:
        text = Path(f"/proc/{pid or os.getpid()}/io").read_text()
    except OSError:
        return None
    counted = {name: int(count) for name, count in re.findall(r"(\w+): (\d+)", text)}
    return Transfer(counted["rchar"], counted["wchar"])


class PeakMemory:
    """The largest resident size of this process, or of a child that ended, since this was made.

    Where the system cannot begin anew (it can on Linux), since the process began.
    """

    def __init__(self) -> None:
        # See proc_pid_clear_refs(5).
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self._children_before = _largest(resource.RUSAGE_CHILDREN)

    def bytes(self) -> int:
        """Return the size; a child counts only if it was larger than all that ended earlier."""
        own = peak_memory_bytes_of(os.getpid()) or _largest(resource.RUSAGE_SELF)
        children = _largest(resource.RUSAGE_CHILDREN)
        return max(own, children if children > self._children_before else 0)


def _largest(who: int) -> int:
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peak_memory_bytes_of(pid: int) -> int | None:
    """Return the largest resident size of another process; None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else None
