"""The retailer's fixed tables: departments with their season, brands, markets, words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Department:
    """One sub-sector for one audience."""

    sector: str
    sub_sector: str
    audience: str
    life_stage: str
    share: float
    """Weight among all departments, for a customer like any other."""
    price: float
    """Usual list price, euro."""
    peak_day: int
    """Day of the year in the middle of its season."""
    swing: float
    """Natural logarithm of demand at the peak over the yearly mean, about."""


_WINTER, _SUMMER, _AUTUMN, _ADVENT, _NEW_YEAR = 330, 165, 285, 345, 15
# fmt: off
DEPARTMENTS = (
    Department("ladieswear", "dresses", "women", "adult", 9.0, 35, _SUMMER, 0.6),
    Department("ladieswear", "tops", "women", "adult", 13.0, 15, _SUMMER, 0.3),
    Department("ladieswear", "blouses", "women", "adult", 7.0, 25, 120, 0.2),
    Department("ladieswear", "knitwear", "women", "adult", 9.0, 30, _WINTER, 0.8),
    Department("ladieswear", "trousers", "women", "adult", 8.0, 30, 260, 0.15),
    Department("ladieswear", "jeans", "women", "adult", 4.0, 40, 260, 0.2),
    Department("ladieswear", "skirts", "women", "adult", 3.0, 25, 150, 0.4),
    Department("ladieswear", "outerwear", "women", "adult", 4.0, 70, _AUTUMN, 1.1),
    Department("ladieswear", "swimwear", "women", "adult", 4.0, 20, _SUMMER, 1.6),
    Department("ladieswear", "underwear", "women", "adult", 9.0, 12, _ADVENT, 0.1),
    Department("ladieswear", "shoes", "women", "adult", 4.0, 40, _AUTUMN, 0.2),
    Department("ladieswear", "accessories", "women", "adult", 5.0, 12, _ADVENT, 0.3),
    Department("menswear", "t-shirts", "men", "adult", 5.0, 13, _SUMMER, 0.4),
    Department("menswear", "shirts", "men", "adult", 3.5, 28, 140, 0.2),
    Department("menswear", "knitwear", "men", "adult", 3.5, 33, _WINTER, 0.8),
    Department("menswear", "trousers", "men", "adult", 4.0, 35, 250, 0.15),
    Department("menswear", "outerwear", "men", "adult", 2.0, 75, _AUTUMN, 1.0),
    Department("menswear", "underwear", "men", "adult", 3.0, 12, _ADVENT, 0.2),
    Department("sport", "sportswear", "women", "adult", 3.5, 25, _NEW_YEAR, 0.4),
    Department("sport", "running", "everyone", "any", 1.5, 35, 110, 0.3),
    Department("children", "baby", "kids", "baby", 5.0, 12, 240, 0.15),
    Department("children", "girls", "kids", "child", 4.0, 14, 235, 0.2),
    Department("children", "boys", "kids", "child", 4.0, 14, 235, 0.2),
    Department("children", "outerwear", "kids", "child", 1.5, 40, _AUTUMN, 1.1),
    Department("children", "toys", "kids", "child", 1.0, 15, _ADVENT, 1.2),
    Department("home", "bedding", "everyone", "any", 2.0, 35, _NEW_YEAR, 0.3),
    Department("home", "decoration", "everyone", "any", 2.5, 15, _ADVENT, 0.7),
    Department("home", "kitchen", "everyone", "any", 1.5, 12, _ADVENT, 0.4),
    Department("beauty", "make-up", "women", "adult", 2.0, 8, _ADVENT, 0.3),
    Department("beauty", "care", "everyone", "any", 2.5, 6, _NEW_YEAR, 0.1),
)
# fmt: on
SECTORS = tuple(dict.fromkeys(d.sector for d in DEPARTMENTS))
LASTING_SECTORS = ("beauty", "home")
"""Their products stay for years and are bought again."""

BRANDS_PER_SECTOR = 6
_BRAND_WORDS = ("Nova", "Linden", "Arden", "Fjord", "Marlow", "Sable")
BRANDS = tuple(f"{word} {sector.capitalize()}" for sector in SECTORS for word in _BRAND_WORDS)
"""By sector, from the youngest to the most mature."""


@dataclass(frozen=True)
class Market:
    """One country that the retailer sells in."""

    country: str
    timezone: str
    language: str
    share: float


MARKETS = (
    Market("DE", "Europe/Berlin", "de", 0.24),
    Market("GB", "Europe/London", "en", 0.19),
    Market("FR", "Europe/Paris", "fr", 0.15),
    Market("SE", "Europe/Stockholm", "sv", 0.12),
    Market("PL", "Europe/Warsaw", "pl", 0.10),
    Market("ES", "Europe/Madrid", "es", 0.09),
    Market("IT", "Europe/Rome", "it", 0.07),
    Market("NL", "Europe/Amsterdam", "nl", 0.04),
)
HOME_ZONE = "Europe/Stockholm"
"""Zone of the shop's own calendar: its campaigns open by it."""

GENDERS = ("F", "M", "X")
GROUPS = ("employee", "executive", "worker", "self_employed", "student", "retired", "at_home")
CHANNELS = ("web", "app", "store")
DEVICES = ("phone", "desktop", "tablet")
KINDS = ("sale", "return")
SUMMER_COLOURS = ("white", "light blue", "yellow", "pink", "beige", "green", "black", "red")
WINTER_COLOURS = ("black", "grey", "dark blue", "brown", "dark red", "dark green", "beige", "white")
COLOURS = tuple(dict.fromkeys(SUMMER_COLOURS + WINTER_COLOURS))
PATTERNS = ("plain", "striped", "printed", "checked")
MATERIALS = ("cotton", "viscose", "polyester", "wool", "linen")
STYLES = ("Basic", "Slim", "Relaxed", "Soft", "Classic", "Modern", "Light", "Long")
