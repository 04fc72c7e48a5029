"""Where the network computes: a GPU where there is one and the settings allow it, else the CPU."""

import os
import platform
import re
from pathlib import Path

import psutil
import torch

from vitrine.errors import MachineError
from vitrine.settings import Settings


def prepare(settings: Settings) -> torch.device:
    """Set the number of threads, and return the device that the settings ask for.

    Raises
    ------
    MachineError
        If a GPU is asked for and there is none.
    """
    torch.set_num_threads(usable_threads(settings))
    has_gpu = torch.cuda.is_available()
    if settings.torch_device == "cuda" and not has_gpu:
        raise MachineError(
            "VITRINE_TORCH_DEVICE=cuda, but torch sees no GPU; set it to auto or cpu"
        )
    wants_gpu = settings.torch_device in ("auto", "cuda")
    return torch.device("cuda" if wants_gpu and has_gpu else "cpu")


def usable_threads(settings: Settings) -> int:
    """Return how many threads the settings allow."""
    return settings.torch_threads or psutil.cpu_count(logical=False) or 1


def has_fast_bfloat16(device: torch.device) -> bool:
    """Tell whether a device multiplies bfloat16 faster than float32; other CPUs emulate it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(re.search(r"^flags.* (avx512_bf16|amx_bf16)\b", _cpuinfo(), re.MULTILINE))


def described(settings: Settings) -> str:
    """Describe the machine: processor, cores, memory, device, versions."""
    cores, memory = os.cpu_count(), psutil.virtual_memory().total / 2**30
    return (
        f"{cores} cores ({_processor()}) with {memory:.0f} GB of memory, Python"
        f" {platform.python_version()}, torch {torch.__version__} on {prepare(settings)}"
    )


def _processor() -> str:
    """Return the processor's name where the system tells it, else its architecture."""
    named = re.search(r"^model name\s*: (.+)$", _cpuinfo(), re.MULTILINE)
    return named[1] if named else platform.machine()


def _cpuinfo() -> str:
    file = Path("/proc/cpuinfo")
    return file.read_text() if file.exists() else ""
