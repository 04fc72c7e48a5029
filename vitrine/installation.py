"""What a command works on: the settings, the paths derived from them, and the shop's source."""

from dataclasses import dataclass
from functools import cached_property

from vitrine.paths import Paths
from vitrine.settings import Settings, load_settings
from vitrine.sources import Source, source


@dataclass(frozen=True)
class Installation:
    """One home with its settings; commands make it first and pass on the parts they need."""

    settings: Settings

    @classmethod
    def load(cls) -> "Installation":
        """Read the settings from the environment and the home folder."""
        return cls(load_settings())

    @cached_property
    def paths(self) -> Paths:
        """Every path."""
        return Paths.of(self.settings)

    @cached_property
    def shop(self) -> Source:
        """The shop's source module."""
        return source(self.settings.source)
