"""Which code a model's figures come from, so that kept figures are used for as long as it stands.

Every model is read for, ranked and judged by the modules of SHARED; their text counts for all.
Beyond them count the modules that a model's fitter names, and what those import, directly or not.
An import of what is in TYPES leads no further: there are only the shapes that models share.
"""

import ast
import dis
import hashlib
import inspect
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType

from vitrine.settings import REPOSITORY

PACKAGES = ("training", "vitrine")
TYPES = frozenset(
    {
        "training.peers.history",
        "training.peers.scorers",
        "training.ranker.candidates",
        "training.ranker.ranking",
    }
)
SHARED = TYPES | {
    "training.evaluation.backtest",
    "training.evaluation.ranks",
    "training.ranker.features",
}


def digest(fitter: Callable[..., object]) -> str:
    """Return a hash of the fitter's own code, of all modules behind it, and of the lock file."""
    modules = SHARED | behind(named(fitter))
    known = [REPOSITORY / "requirements.lock", *(_file(name) for name in sorted(modules))]
    given = [repr(cell.cell_contents) for cell in fitter.__closure__ or ()]
    parts = [inspect.getsource(fitter), *given, *(file.read_text() for file in known if file)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def named(fitter: Callable[..., object]) -> set[str]:
    """Return the project's modules that a function's own code names."""
    names = set(_names(fitter.__code__))
    globals_ = fitter.__globals__
    used = [globals_[name] for name in names if name in globals_]
    modules = {u.__name__ if isinstance(u, ModuleType) else _home(u) for u in used}
    return {name for name in modules | names if _file(name)}


def behind(modules: set[str]) -> set[str]:
    """Return modules and all that they import, but nothing that is behind an import of TYPES."""
    found, waiting = set(modules), list(modules)
    while waiting:
        new = _imports(waiting.pop()) - found
        found |= new
        waiting.extend(new - TYPES)
    return found


def _names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "IMPORT_NAME"):
            yield str(instruction.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _home(value: object) -> str:
    return getattr(value, "__module__", None) or type(value).__module__


@lru_cache
def _imports(module: str) -> frozenset[str]:
    file = _file(module)
    text = file.read_text() if file else ""
    return frozenset(name for name in _mentioned(ast.parse(text)) if _file(name))


def _mentioned(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(module: str) -> Path | None:
    if module.partition(".")[0] not in PACKAGES:
        return None
    place = REPOSITORY / module.replace(".", "/")
    return next((f for f in (place.with_suffix(".py"), place / "__init__.py") if f.is_file()), None)
