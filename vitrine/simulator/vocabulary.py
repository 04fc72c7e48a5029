"""The words of the shop: sectors, sub-sectors with their silhouettes, colours, names.

Fixed tables only. A silhouette is a polygon in a unit square, y downwards.
"""

from dataclasses import dataclass

Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class SubSector:
    """One kind of product."""

    name: str
    sector: str
    price: float
    """Usual undiscounted price, euro."""
    materials: tuple[str, str, str]
    silhouette: Polygon


# fmt: off
SUB_SECTORS = (
    SubSector("dresses", "fashion", 90, ("cotton", "silk", "viscose"), (
        (.38, .1), (.62, .1), (.6, .4), (.85, .9), (.15, .9), (.4, .4))),
    SubSector("shirts", "fashion", 60, ("cotton", "linen", "polyester"), (
        (.3, .15), (.7, .15), (.95, .4), (.82, .5), (.7, .4), (.7, .88), (.3, .88), (.3, .4),
        (.18, .5), (.05, .4))),
    SubSector("trousers", "fashion", 75, ("cotton", "wool", "denim"), (
        (.3, .08), (.7, .08), (.78, .92), (.58, .92), (.5, .35), (.42, .92), (.22, .92))),
    SubSector("coats", "fashion", 190, ("wool", "cashmere", "polyester"), (
        (.35, .08), (.65, .08), (.92, .6), (.8, .64), (.72, .4), (.78, .95), (.22, .95),
        (.28, .4), (.2, .64), (.08, .6))),
    SubSector("sneakers", "shoes", 85, ("leather", "canvas", "rubber"), (
        (.08, .4), (.3, .4), (.45, .55), (.9, .66), (.92, .8), (.08, .8))),
    SubSector("boots", "shoes", 130, ("leather", "suede", "rubber"), (
        (.3, .08), (.58, .08), (.58, .6), (.9, .72), (.9, .88), (.3, .88))),
    SubSector("sandals", "shoes", 55, ("leather", "cork", "canvas"), (
        (.08, .6), (.3, .62), (.4, .35), (.55, .35), (.65, .64), (.92, .64), (.92, .74),
        (.08, .74))),
    SubSector("pumps", "shoes", 110, ("leather", "suede", "satin"), (
        (.1, .3), (.35, .48), (.9, .7), (.9, .78), (.5, .76), (.25, .6), (.2, .85), (.13, .85))),
    SubSector("lamps", "home", 95, ("steel", "glass", "brass"), (
        (.35, .1), (.65, .1), (.82, .45), (.54, .45), (.54, .82), (.72, .9), (.28, .9),
        (.46, .82), (.46, .45), (.18, .45))),
    SubSector("vases", "home", 45, ("ceramic", "glass", "porcelain"), (
        (.4, .08), (.6, .08), (.56, .3), (.78, .58), (.64, .92), (.36, .92), (.22, .58),
        (.44, .3))),
    SubSector("cushions", "home", 35, ("cotton", "velvet", "linen"), (
        (.12, .12), (.5, .2), (.88, .12), (.8, .5), (.88, .88), (.5, .8), (.12, .88), (.2, .5))),
    SubSector("pans", "home", 65, ("steel", "iron", "copper"), (
        (.05, .45), (.55, .45), (.98, .4), (.98, .48), (.58, .53), (.5, .75), (.12, .75))),
    SubSector("perfumes", "beauty", 80, ("floral", "woody", "citrus"), (
        (.42, .06), (.58, .06), (.58, .25), (.85, .35), (.85, .92), (.15, .92), (.15, .35),
        (.42, .25))),
    SubSector("creams", "beauty", 40, ("aloe", "almond", "shea"), (
        (.15, .35), (.85, .35), (.85, .5), (.8, .5), (.8, .82), (.2, .82), (.2, .5), (.15, .5))),
    SubSector("lipsticks", "beauty", 28, ("matte", "satin", "gloss"), (
        (.42, .3), (.58, .1), (.58, .45), (.66, .45), (.66, .95), (.34, .95), (.34, .45),
        (.42, .45))),
    SubSector("soaps", "beauty", 15, ("olive", "lavender", "almond"), (
        (.2, .3), (.8, .3), (.95, .5), (.8, .7), (.2, .7), (.05, .5))),
    SubSector("toys", "kids", 35, ("wood", "plush", "plastic"), (
        (.5, .05), (.62, .36), (.95, .38), (.69, .58), (.78, .9), (.5, .72), (.22, .9),
        (.31, .58), (.05, .38), (.38, .36))),
    SubSector("rompers", "kids", 32, ("cotton", "jersey", "fleece"), (
        (.35, .1), (.65, .1), (.9, .3), (.78, .42), (.68, .35), (.68, .65), (.75, .9), (.55, .9),
        (.5, .75), (.45, .9), (.25, .9), (.32, .65), (.32, .35), (.22, .42), (.1, .3))),
    SubSector("caps", "kids", 22, ("cotton", "wool", "felt"), (
        (.15, .6), (.2, .35), (.45, .22), (.68, .32), (.72, .55), (.96, .68), (.7, .7))),
    SubSector("backpacks", "kids", 48, ("canvas", "nylon", "polyester"), (
        (.4, .05), (.6, .05), (.78, .25), (.78, .55), (.88, .6), (.85, .92), (.15, .92),
        (.12, .6), (.22, .55), (.22, .25))),
    SubSector("rackets", "sport", 120, ("carbon", "aluminium", "wood"), (
        (.5, .04), (.74, .16), (.76, .42), (.56, .6), (.56, .96), (.44, .96), (.44, .6),
        (.24, .42), (.26, .16))),
    SubSector("jerseys", "sport", 55, ("polyester", "mesh", "elastane"), (
        (.2, .12), (.4, .12), (.5, .22), (.6, .12), (.8, .12), (.98, .34), (.8, .42), (.8, .85),
        (.2, .85), (.2, .42), (.02, .34))),
    SubSector("bottles", "sport", 25, ("steel", "tritan", "glass"), (
        (.42, .05), (.58, .05), (.58, .2), (.68, .3), (.68, .95), (.32, .95), (.32, .3),
        (.42, .2))),
    SubSector("helmets", "sport", 90, ("carbon", "polycarbonate", "foam"), (
        (.08, .65), (.15, .35), (.4, .15), (.7, .2), (.9, .45), (.92, .7), (.62, .62),
        (.3, .75))),
)
# fmt: on
SECTORS = tuple(dict.fromkeys(sub.sector for sub in SUB_SECTORS))
CONSUMABLE_SECTORS = ("beauty",)
"""Used up and bought again, so loyalty to a brand weighs more."""

COLOURS = {
    "red": (200, 40, 45),
    "blue": (45, 85, 190),
    "green": (50, 140, 75),
    "yellow": (235, 200, 55),
    "black": (35, 35, 40),
    "white": (240, 240, 235),
    "pink": (235, 140, 175),
    "brown": (125, 80, 50),
}
TRIMS = {
    "none": None,
    "orange": (240, 125, 25),
    "turquoise": (25, 185, 190),
    "violet": (125, 60, 165),
}
"""Colours of seams and edges; none of them is a product's own."""
PATTERNS = ("plain", "striped", "dotted", "checked")
SEASONS = ("spring", "summer", "autumn", "winter")
AUDIENCES = ("women", "men", "kids", "everyone")
LIFE_STAGES = {"women": "adult", "men": "adult", "kids": "child", "everyone": "any"}
STYLES = ("classic", "modern", "vintage", "urban", "romantic")
CARES = ("machine wash", "hand wash", "dry clean", "wipe clean")
STRETCH = "elastane"
STRETCHED = ("dresses", "shirts", "trousers", "rompers")
"""What may hold some elastane beside its own materials."""
TEXTURES = {
    "woven": ("cotton", "canvas", "nylon", "mesh"),
    "twill": ("linen", "denim", "carbon"),
    "fuzzy": ("wool", "cashmere", "suede", "velvet", "plush", "fleece", "felt", "foam"),
    "grained": ("leather", "cork", "wood"),
    "shiny": (
        "silk",
        "satin",
        "steel",
        "glass",
        "brass",
        "copper",
        "porcelain",
        "gloss",
        "plastic",
    ),
}
"""How a material looks from near; all others are smooth."""

BRAND_STARTS = ("Al", "Bel", "Cor", "Dar", "El", "Fon", "Gri", "Hal", "Ire", "Jas", "Kel", "Lu")
BRAND_ENDS = ("anza", "borne", "cello", "dine", "ette", "ford", "gard", "ina", "mont", "nova")
GROUPS = ("employee", "executive", "worker", "self_employed", "student", "retired", "at_home")
FIRST_NAMES = ("ana", "ben", "carla", "david", "emma", "felix", "gala", "hugo", "ines", "jean")
LAST_NAMES = ("alba", "brun", "costa", "dupont", "evans", "faure", "gil", "hill", "iris", "jones")
DEVICES = ("phone", "desktop", "tablet")
