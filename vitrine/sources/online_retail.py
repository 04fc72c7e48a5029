"""A British online gift shop (UCI Online Retail): one CSV of invoice lines per trading day.

Raw files are `YYYY-MM-DD.csv` or `.csv.gz`; a day without a file is a day without trade. The export
carries one instant per line, local time in Britain to the minute; it serves as both `occurred_at`
and `received_at`. A line that is older than its drop is received at the drop's first instant.

Rules, in the order in which they are applied; the first that fits decides. What is refused goes to
quarantine with the word in quotes.

1.  'malformed': a row with too few or too many fields.
2.  'bad_time', 'bad_number', 'bad_customer', 'no_invoice': a field that cannot be read. A local
    time that the spring change skips does not exist; of one that autumn repeats the first is meant.
3.  'not_a_product': the StockCode does not begin with five digits. Postage, carriage, fees, manual
    corrections, samples, discounts, bank charges, bad debt and vouchers are no merchandise.
4.  'from_the_future': the line is dated after the day of its drop.
5.  'negative_price': an accounting correction.
6.  'stock_adjustment': no price and a negative quantity. The stock count was corrected; here stand
    the notes 'damaged', 'check' and '?'.
7.  'no_price': no price and a positive quantity. Found stock or a free replacement, not a purchase.
8.  'no_quantity': nothing was sold.
9.  'contradictory_sign': an invoice that begins with C (a cancellation) with a positive quantity.
10. 'duplicate_line': all eight fields repeat an earlier row of the file; the till sent it twice.

What remains is accepted:

- A negative quantity is a return, with or without a C: kind 'return', quantity made positive.
- No CustomerID is a guest's purchase: accepted with a null customer. Ids lose the export's '.0'.
- StockCodes are upper-cased: 85123a is 85123A typed by another clerk (never in a customer's order).
- Lines of one product that differ within an invoice stay apart. `line` is the line's place on its
  invoice, refused lines counted.
- A product has one permanent campaign, of the same id. Its name, list price and campaign price are
  those of its first minute in the drop, so that no row knows what came later that day: the most
  frequent description (then the first in the alphabet) and the highest price, because lower ones
  are quantity discounts. Guests pay about twice the price of customers with an account, so the
  first minute with an account gives a second row. The newest received row holds.
- Sector and sub-sector are derived from the description by `SECTORS`; the shop has no product tree.
- Country names become ISO codes; a text that names no country becomes ZZ. Language and zone follow
  from the country.
"""

import re
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from vitrine import raw_csv
from vitrine.contracts import NO_COUNTRY
from vitrine.demographics import demographic_cluster
from vitrine.errors import BadInputError
from vitrine.interval import DAY, Interval
from vitrine.raw_csv import FILE, ROW
from vitrine.sources import Batch, Drop

HEADER = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
ZONE = "Europe/London"
BRAND = "Online Retail"
LARGEST_QUANTITY = 2**31 - 1

COUNTRIES = {
    # text in the export: (ISO 3166-1 alpha-2, ISO 639-1 language, IANA zone)
    "Australia": ("AU", "en", "Australia/Sydney"),
    "Austria": ("AT", "de", "Europe/Vienna"),
    "Bahrain": ("BH", "ar", "Asia/Bahrain"),
    "Belgium": ("BE", "nl", "Europe/Brussels"),
    "Brazil": ("BR", "pt", "America/Sao_Paulo"),
    "Canada": ("CA", "en", "America/Toronto"),
    # Jersey and Guernsey have codes of their own, but the text does not say which is meant.
    "Channel Islands": (NO_COUNTRY, "en", ZONE),
    "Cyprus": ("CY", "el", "Asia/Nicosia"),
    "Czech Republic": ("CZ", "cs", "Europe/Prague"),
    "Denmark": ("DK", "da", "Europe/Copenhagen"),
    "EIRE": ("IE", "en", "Europe/Dublin"),
    "European Community": (NO_COUNTRY, "en", ZONE),
    "Finland": ("FI", "fi", "Europe/Helsinki"),
    "France": ("FR", "fr", "Europe/Paris"),
    "Germany": ("DE", "de", "Europe/Berlin"),
    "Greece": ("GR", "el", "Europe/Athens"),
    "Hong Kong": ("HK", "zh", "Asia/Hong_Kong"),
    "Iceland": ("IS", "is", "Atlantic/Reykjavik"),
    "Israel": ("IL", "he", "Asia/Jerusalem"),
    "Italy": ("IT", "it", "Europe/Rome"),
    "Japan": ("JP", "ja", "Asia/Tokyo"),
    "Lebanon": ("LB", "ar", "Asia/Beirut"),
    "Lithuania": ("LT", "lt", "Europe/Vilnius"),
    "Malta": ("MT", "mt", "Europe/Malta"),
    "Netherlands": ("NL", "nl", "Europe/Amsterdam"),
    "Norway": ("NO", "no", "Europe/Oslo"),
    "Poland": ("PL", "pl", "Europe/Warsaw"),
    "Portugal": ("PT", "pt", "Europe/Lisbon"),
    "RSA": ("ZA", "en", "Africa/Johannesburg"),
    "Saudi Arabia": ("SA", "ar", "Asia/Riyadh"),
    "Singapore": ("SG", "en", "Asia/Singapore"),
    "Spain": ("ES", "es", "Europe/Madrid"),
    "Sweden": ("SE", "sv", "Europe/Stockholm"),
    "Switzerland": ("CH", "de", "Europe/Zurich"),
    "USA": ("US", "en", "America/New_York"),
    "United Arab Emirates": ("AE", "ar", "Asia/Dubai"),
    "United Kingdom": ("GB", "en", ZONE),
    "Unspecified": (NO_COUNTRY, "en", ZONE),
}
UNKNOWN = (NO_COUNTRY, "en", ZONE)

SECTORS = (
    # sector, sub-sector, words of the description; the first match decides
    ("seasonal", "christmas", "christmas|xmas|advent|reindeer|snowflake|santa|snowman|bauble"),
    ("seasonal", "easter", "easter|bunny"),
    ("seasonal", "valentine", "valentine"),
    ("bags", "lunch_bags", "lunch bag|lunch box|snack box|snack boxes"),
    ("bags", "shopping_bags", "jumbo|shopper|tote|carrier"),
    ("bags", "bags_and_purses", "bag|bags|handbag|purse|wallet|washbag|suitcase|trunk"),
    (
        "jewellery",
        "jewellery",
        (
            "necklace|bracelet|earring|earrings|ring|rings|brooch|bangle|beads"
            "|jewellery|hair|hairclip|hairgrip|charm|pendant"
        ),
    ),
    (
        "kitchen",
        "baking",
        (
            "cake|cakestand|cakes|baking|cutter|cutters|cookie|jelly|muffin|rolling"
            "|doily|doilies|doiley"
        ),
    ),
    ("kitchen", "tea_and_coffee", "tea|teacup|teapot|teatime|coffee|mug|mugs|cup|cups|saucer"),
    (
        "kitchen",
        "dining",
        (
            "plate|plates|bowl|bowls|cutlery|napkin|napkins|glass|jug|tray|dish"
            "|placemat|placemats|coaster|coasters|tablecloth|fork|spoon|knife"
        ),
    ),
    (
        "kitchen",
        "kitchenware",
        (
            "kitchen|pantry|jar|jars|jam|recipe|apron|oven|scales|bread|tin|tins"
            "|bottle|herb|spice|milk|bin|timer|gloves|larder|food|container|enamel|fridge|egg"
        ),
    ),
    ("lighting", "candles", "candle|candles|t-light|t-lights|tealight|candlestick|lantern|incense"),
    ("lighting", "lamps", "light|lights|lamp|lampshade|chandelier|led|torch|night light"),
    (
        "toys",
        "crafts",
        (
            "craft|feltcraft|sewing|knitting|kit|crayon|crayons|paint|painting|stickers"
            "|stencil|button|buttons|ribbon|ribbons|chalk|chalks"
        ),
    ),
    (
        "toys",
        "toys_and_games",
        (
            "toy|toys|doll|dolly|game|games|puzzle|jigsaw|dominoes|playing"
            "|spaceboy|skittles|marbles|children|childrens|childs|boys|girls|baby|circus|magic|babushka"
            "|piggy|inflatable|skipping|bingo|blocks|building"
        ),
    ),
    (
        "stationery",
        "cards_and_wrap",
        ("card|cards|wrap|gift tape|tissue|envelope|envelopes|gift tag|postcard|sticker"),
    ),
    (
        "stationery",
        "writing",
        (
            "pencil|pencils|pen|pens|notebook|notebooks|journal|paper|tape|eraser"
            "|erasers|ruler|stamp|stamps|sketchbook|memo|book|passport|organiser|calendar|tissues"
        ),
    ),
    (
        "party",
        "party",
        (
            "party|bunting|balloon|balloons|birthday|garland|garlands|streamer|confetti"
            "|cases|straws|wedding|flag|flags"
        ),
    ),
    (
        "garden",
        "garden",
        (
            "garden|gardeners|gardening|plant|flower|flowers|watering|parasol|bird"
            "|birdhouse|birdcage|pot|planter|picnic|grow|seeds|outdoor|windmill|mosquito|trowel"
        ),
    ),
    (
        "bathroom",
        "bath_and_body",
        (
            "bath|bathroom|soap|towel|towels|toilet|plasters|balm|lip|shower"
            "|toothbrush|cosmetic|manicure|perfume"
        ),
    ),
    (
        "textiles",
        "textiles",
        (
            "cushion|blanket|throw|quilt|curtain|doormat|rug|slippers|scarf|hot"
            "|fabric|tea cosy|polyester|patchwork|hand warmer|warmer|umbrella|sock|socks|hat|bib"
        ),
    ),
    (
        "home",
        "storage",
        (
            "drawer|drawers|cabinet|box|boxes|basket|baskets|storage|hook|hooks|hanger"
            "|hangers|rack|shelf|chest|stool|chair|table|knob|doorstop|holder|case|crate|magnet|magnets"
        ),
    ),
    (
        "home",
        "decoration",
        (
            "frame|frames|clock|mirror|sign|plaque|wall|heart|hearts|decoration|word"
            "|ornament|letter|door|alphabet|wicker|vase|star|photo|picture|metal|wooden|wood|ceramic|zinc"
            "|hanging|block|print|trinket|skull|bell|cherub|angel|vintage|antique|retro|art|slate"
        ),
    ),
)
NO_SECTOR = ("other", "other")

DETAIL = {
    # reason: the raw column whose value explains it; personal data stays out
    "bad_time": "InvoiceDate",
    "bad_number": "Quantity",
    "no_invoice": "StockCode",
    "not_a_product": "StockCode",
    "from_the_future": "InvoiceDate",
    "negative_price": "UnitPrice",
    "stock_adjustment": "Description",
    "no_price": "Description",
    "no_quantity": "Quantity",
    "contradictory_sign": "Quantity",
    "duplicate_line": "InvoiceNo",
}


class OnlineRetail:
    """The shop's format; see the module's docstring for the rules."""

    name = "online_retail"
    provides = frozenset({"customers", "products", "campaigns", "campaign_products", "orders"})
    currency = "GBP"
    # The shop closes by 20:30 local time, so a day's drop is whole before the UTC day ends.
    day_features_delay = timedelta(0)
    delivery_step = DAY

    def drops(self, landing: Path, interval: Interval) -> list[Drop]:
        """List the trading days that lie whole in `interval`, oldest first.

        Raises
        ------
        BadInputError
            If a CSV file's name is no date, or a day was delivered both plain and compressed.
        """
        by_day: dict[date, Path] = {}
        for path in sorted([*landing.glob("*.csv"), *landing.glob("*.csv.gz")]):
            day = _day(path)
            if day in by_day:
                raise BadInputError(f"{by_day[day]} and {path} hold the same day; remove one")
            by_day[day] = path
        found = [Drop(Interval.of_day(day), (path,)) for day, path in sorted(by_day.items())]
        return [drop for drop in found if interval.covers(drop.interval)]

    def read(self, landing: Path, drop: Drop) -> Batch:
        """Turn one trading day into customers, products, campaigns and order lines.

        Raises
        ------
        BadInputError
            If the file cannot be read at all.
        """
        raw = raw_csv.read(drop.files[0], HEADER, landing)
        lines = _parsed(raw.rows.to_pandas(), drop.interval)
        reason = _reason(lines, drop.interval)
        accepted = lines[reason == ""]
        catalogue = _catalogue(accepted)
        return Batch(
            tables={
                "customers": _customers(accepted),
                "products": _products(catalogue),
                "campaigns": _campaigns(catalogue),
                "campaign_products": _campaign_products(catalogue),
                "orders": _orders(accepted),
            },
            rows_in={raw.file: raw.row_count},
            accepted={raw.file: len(accepted)},
            quarantined=raw.quarantine(_refused(lines, reason), "orders"),
        )


def _day(path: Path) -> date:
    try:
        return date.fromisoformat(path.name.removesuffix(".gz").removesuffix(".csv"))
    except ValueError:
        raise BadInputError(
            f"{path} is not named after its day; name it like 2011-10-24.csv.gz, or remove it"
        ) from None


def _parsed(raw: pd.DataFrame, interval: Interval) -> pd.DataFrame:
    """Add typed columns to the raw ones; what cannot be read is missing."""
    quantity = pd.to_numeric(raw["Quantity"], errors="coerce")
    price = pd.to_numeric(raw["UnitPrice"], errors="coerce")
    is_whole = (quantity % 1 == 0) & (quantity.abs() <= LARGEST_QUANTITY)
    occurred_at = _utc(raw["InvoiceDate"])
    start = pd.Timestamp(interval.start)
    customer = raw["CustomerID"].str.extract(r"^(\d+)(?:\.0)?$", expand=False)
    return raw.assign(
        order_id=raw["InvoiceNo"].str.strip(),
        line=raw.groupby("InvoiceNo").cumcount() + 1,
        product_id=raw["StockCode"].str.strip().str.upper(),
        name=raw["Description"].str.split().str.join(" "),
        quantity=quantity.where(is_whole),
        unit_price=price.where(np.isfinite(price)),
        customer_id=customer.astype(object).where(customer.notna(), None),
        occurred_at=occurred_at,
        received_at=occurred_at.mask(occurred_at < start, start),
    )


def _utc(local: pd.Series) -> pd.Series:
    naive = pd.to_datetime(local, format="%Y-%m-%d %H:%M:%S", errors="coerce")
    is_summer = np.ones(len(naive), dtype=bool)
    zoned = naive.dt.tz_localize(ZONE, ambiguous=is_summer, nonexistent="NaT")
    return zoned.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


def _reason(lines: pd.DataFrame, interval: Interval) -> pd.Series:
    """Name why each line is refused, '' where it is accepted; the first rule decides."""
    quantity, price = lines["quantity"], lines["unit_price"]
    rules = {
        "bad_time": lines["occurred_at"].isna(),
        "bad_number": quantity.isna() | price.isna(),
        "bad_customer": lines["CustomerID"].ne("") & lines["customer_id"].isna(),
        "no_invoice": lines["order_id"].eq(""),
        "not_a_product": ~lines["product_id"].str.match(r"[0-9]{5}"),
        "from_the_future": lines["occurred_at"] >= pd.Timestamp(interval.end),
        "negative_price": price < 0,
        "stock_adjustment": (price == 0) & (quantity < 0),
        "no_price": (price == 0) & (quantity > 0),
        "no_quantity": quantity == 0,
        "contradictory_sign": lines["order_id"].str.startswith("C") & (quantity > 0),
        "duplicate_line": lines.duplicated(list(HEADER)),
    }
    return pd.Series(np.select(list(rules.values()), list(rules), default=""), index=lines.index)


def _refused(lines: pd.DataFrame, reason: pd.Series) -> pa.Table:
    refused = lines.assign(reason=reason)[reason != ""]
    detail = pd.Series("", index=refused.index, dtype=object)
    for word, column in DETAIL.items():
        detail = detail.mask(refused["reason"] == word, refused[column])
    frame = pd.DataFrame({"row": refused[ROW], "reason": refused["reason"], "detail": detail})
    return pa.Table.from_pandas(frame, preserve_index=False)


def _orders(lines: pd.DataFrame) -> pa.Table:
    return _table(
        lines.assign(
            campaign_id=lines["product_id"],
            channel="web",
            kind=np.where(lines["quantity"] < 0, "return", "sale"),
            quantity=lines["quantity"].abs().astype("int32"),
        ),
        "order_id line customer_id product_id campaign_id quantity unit_price"
        " channel kind occurred_at",
    )


def _customers(lines: pd.DataFrame) -> pa.Table:
    """One row per customer: what the first line of the drop says."""
    known = lines[lines["customer_id"].notna()].sort_values(["occurred_at", ROW])
    first = known.drop_duplicates("customer_id")
    places = [COUNTRIES.get(text, UNKNOWN) for text in first["Country"]]
    country = [code for code, _, _ in places]
    clusters = {code: demographic_cluster(None, None, code, 0) for code in set(country)}
    return _table(
        first.assign(
            signed_up_at=first["occurred_at"],
            country=country,
            language=[language for _, language, _ in places],
            timezone=[zone for _, _, zone in places],
            demographic_cluster=[clusters[code] for code in country],
        ),
        "customer_id signed_up_at country language timezone demographic_cluster",
    )


def _catalogue(lines: pd.DataFrame) -> pd.DataFrame:
    """One row per product for the drop's first minute, and one for the first with an account."""
    opens_at = lines.groupby("product_id")["occurred_at"].min()
    with_account = _first_minutes(lines[lines["customer_id"].notna()])
    rows = pd.concat([with_account, _first_minutes(lines)])
    rows = rows.drop_duplicates(["product_id", "received_at"]).sort_values(["received_at", ROW])
    sectors = [sector_of(text) for text in rows["name"]]
    return rows.assign(
        opens_at=rows["product_id"].map(opens_at),
        sector=[sector for sector, _ in sectors],
        sub_sector=[sub_sector for _, sub_sector in sectors],
        campaign_id=rows["product_id"],
        brand=BRAND,
    )


def _first_minutes(lines: pd.DataFrame) -> pd.DataFrame:
    """One row per product, with name and price of the first minute that it was received in."""
    first_at = lines.groupby("product_id")["received_at"].transform("min")
    first = lines[lines["received_at"] == first_at]
    price = first.groupby("product_id")["unit_price"].max()
    rows = first.drop_duplicates("product_id")
    return rows.assign(
        name=rows["product_id"].map(_names(first)).fillna(rows["product_id"]),
        price=rows["product_id"].map(price),
    )


def _names(lines: pd.DataFrame) -> pd.Series:
    """The most frequent name of each product that has one, then the first in the alphabet."""
    counts = lines[lines["name"] != ""].groupby(["product_id", "name"], as_index=False).size()
    ordered = counts.sort_values(["product_id", "size", "name"], ascending=[True, False, True])
    return ordered.groupby("product_id")["name"].first()


def _products(catalogue: pd.DataFrame) -> pa.Table:
    rows = catalogue.assign(list_price=catalogue["price"])
    table = _table(rows, "product_id name brand sector sub_sector list_price")
    labels = pa.array([[]] * len(rows), pa.map_(pa.string(), pa.string()))
    return table.append_column("attributes", labels)


def _campaigns(catalogue: pd.DataFrame) -> pa.Table:
    return _table(
        catalogue.assign(
            business_type="permanent",
            country=NO_COUNTRY,
            timezone=ZONE,
        ),
        "campaign_id brand business_type sector sub_sector country timezone opens_at",
    )


def _campaign_products(catalogue: pd.DataFrame) -> pa.Table:
    return _table(catalogue, "campaign_id product_id price")


def _table(rows: pd.DataFrame, columns: str) -> pa.Table:
    wanted = [*columns.split(), "received_at", FILE, ROW]
    return pa.Table.from_pandas(rows[wanted], preserve_index=False)


@cache
def sector_of(name: str) -> tuple[str, str]:
    """Derive a product's sector and sub-sector from its name.

    >>> sector_of("JUMBO BAG RED RETROSPOT")
    ('bags', 'shopping_bags')
    """
    found = (s[:2] for s in SECTORS if re.search(rf"\b(?:{s[2]})\b", name, re.IGNORECASE))
    return next(found, NO_SECTOR)


SOURCE = OnlineRetail()
