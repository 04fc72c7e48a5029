"""The raw contract: every table a shop can give, its columns, types, units and key; defined once.

A source module turns a shop's files into these tables and nothing else. The documentation, the
landed-table checks and the lake's empty tables are generated from here. All instants are UTC with
microseconds; money is in the shop's one currency (`vitrine.sources.Source.currency`).
"""

from dataclasses import dataclass

import pyarrow as pa

from vitrine.errors import BadArgumentError

INSTANT = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
NO_COUNTRY = "ZZ"
"""In place of a code: of a customer whose country is not known, of a campaign that sells in all."""


@dataclass(frozen=True)
class Column:
    """One column: its name ends with its unit or kind, its description says the rest."""

    name: str
    type: pa.DataType
    description: str
    nullable: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table of the contract; `key` is unique among the rows of one receipt."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """The arrow schema, descriptions as field metadata."""
        return pa.schema(
            [
                pa.field(c.name, c.type, c.nullable, metadata={"description": c.description})
                for c in self.columns
            ],
            metadata={"grain": self.grain},
        )

    def conform(self, rows: pa.Table) -> pa.Table:
        """Return `rows` with exactly this table's columns, in order, cast without loss.

        Missing nullable columns are filled with nulls.

        Raises
        ------
        pyarrow.ArrowInvalid, ValueError
            If a value does not fit its type, or a required column is absent or holds a null. Those
            are faults of the source module: it must quarantine such rows first.
        """
        arrays = []
        for column in self.columns:
            if column.name in rows.column_names:
                values = rows[column.name].cast(column.type)
            elif column.nullable:
                values = pa.nulls(rows.num_rows, column.type)
            else:
                raise ValueError(f"{self.name}: the required column {column.name} is absent")
            if not column.nullable and values.null_count:
                raise ValueError(
                    f"{self.name}.{column.name}: {values.null_count} required values are null"
                )
            arrays.append(values)
        unknown = set(rows.column_names) - {c.name for c in self.columns}
        if unknown:
            raise ValueError(f"{self.name}: columns {sorted(unknown)} are not in the contract")
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        return self.schema.empty_table()


_RECEIVED = Column("received_at", INSTANT, "When the row reached Vitrine; partitions the lake.")
_OCCURRED = Column("occurred_at", INSTANT, "When it happened in the shop.")
_CUSTOMER = Column("customer_id", TEXT, "The shop's id of the customer.")
_PRODUCT = Column("product_id", TEXT, "The shop's id of the product.")
_CAMPAIGN = Column("campaign_id", TEXT, "The shop's id of the campaign.")
_SECTOR = Column("sector", TEXT, "Top level of the shop's product tree, such as fashion or home.")
_SUB_SECTOR = Column("sub_sector", TEXT, "Second level of the shop's product tree.")


def _optional(column: Column, description: str | None = None) -> Column:
    return Column(column.name, column.type, description or column.description, True, column.values)


_ALL = (
    Table(
        "customers",
        "One row per customer and change; the newest received row holds.",
        ("customer_id", "received_at"),
        (
            _CUSTOMER,
            Column(
                "signed_up_at",
                INSTANT,
                "When the customer registered; the first order where a shop does not say.",
            ),
            Column("birth_year", pa.int16(), "Year of birth.", nullable=True),
            Column(
                "gender",
                TEXT,
                "Gender as given.",
                nullable=True,
                values=("female", "male", "other"),
            ),
            Column(
                "socio_professional_group",
                TEXT,
                "Socio-professional group as given.",
                nullable=True,
            ),
            Column(
                "country",
                TEXT,
                "ISO 3166-1 alpha-2 code, or ZZ where the shop's text names no country.",
            ),
            Column("postal_code", TEXT, "Postal code.", nullable=True),
            Column("language", TEXT, "ISO 639-1 code of the language to write in."),
            Column("timezone", TEXT, "IANA zone that send hours are computed in."),
            Column(
                "demographic_cluster",
                TEXT,
                "Gender, age band and country as of the receipt, such as female:35-49:FR;"
                " see vitrine.demographics.",
            ),
            _RECEIVED,
        ),
    ),
    Table(
        "contacts",
        "One row per customer and change of address; read by the e-mail export alone.",
        ("customer_id", "received_at"),
        (_CUSTOMER, Column("email_address", TEXT, "Address as given."), _RECEIVED),
    ),
    Table(
        "consents",
        "One row per consent given or withdrawn: a ledger.",
        ("consent_id",),
        (
            Column("consent_id", TEXT, "The shop's id of the consent event."),
            _CUSTOMER,
            Column(
                "purpose",
                TEXT,
                "What the customer allows.",
                values=("email_marketing", "profiling"),
            ),
            Column("is_granted", pa.bool_(), "True when given, false when withdrawn."),
            Column("changed_at", INSTANT, "When the customer said so."),
            Column(
                "source", TEXT, "Where the customer said so, such as sign_up or unsubscribe_link."
            ),
            _RECEIVED,
        ),
    ),
    Table(
        "suppressions",
        "One row per person or address never to be written to from an instant on.",
        ("suppression_id",),
        (
            Column("suppression_id", TEXT, "The shop's id of the suppression."),
            _optional(_CUSTOMER, "The customer, or null where an address is suppressed."),
            Column(
                "email_address",
                TEXT,
                "The address, or null where a customer is suppressed.",
                nullable=True,
            ),
            Column(
                "reason",
                TEXT,
                "Why.",
                values=("unsubscribed", "hard_bounce", "complaint", "manual", "erasure"),
            ),
            Column("suppressed_at", INSTANT, "From when on."),
            _RECEIVED,
        ),
    ),
    Table(
        "products",
        "One row per product and change; the newest received row holds.",
        ("product_id", "received_at"),
        (
            _PRODUCT,
            Column("name", TEXT, "Name as shown to customers."),
            Column("description", TEXT, "Longer text, composition included.", nullable=True),
            Column("brand", TEXT, "Brand; the shop's own name where it has none."),
            _SECTOR,
            _SUB_SECTOR,
            Column("colour", TEXT, "Main colour.", nullable=True),
            Column(
                "audience", TEXT, "Whom it is made for, such as women, men, kids.", nullable=True
            ),
            Column(
                "life_stage",
                TEXT,
                "Life stage it is made for, such as baby or adult.",
                nullable=True,
            ),
            Column("unit_cost", pa.float64(), "Cost of one unit, shop currency.", nullable=True),
            Column(
                "list_price",
                pa.float64(),
                "Undiscounted price of one unit, shop currency; null where the shop states none.",
                nullable=True,
            ),
            Column(
                "attributes",
                pa.map_(TEXT, TEXT),
                "Further labels; each key is one task of the product classifier. Several answers,"
                " such as two materials, are separated by a vertical bar.",
            ),
            _RECEIVED,
        ),
    ),
    Table(
        "product_images",
        "One row per photograph of a product.",
        ("product_id", "view"),
        (
            _PRODUCT,
            Column("view", TEXT, "Which view, such as front or back."),
            Column("path", TEXT, "File, relative to the landing folder."),
            Column("sha256", TEXT, "Hash of the file's bytes, hexadecimal."),
            _RECEIVED,
        ),
    ),
    Table(
        "campaigns",
        "One row per campaign and change; the newest received row holds.",
        ("campaign_id", "received_at"),
        (
            _CAMPAIGN,
            Column("brand", TEXT, "Brand that sells."),
            Column("business_type", TEXT, "flash_sale, or permanent for a shop without campaigns."),
            _SECTOR,
            _SUB_SECTOR,
            Column(
                "country", TEXT, "ISO 3166-1 alpha-2 code of the market it opens in; ZZ for all."
            ),
            Column("timezone", TEXT, "IANA zone of the opening hours."),
            Column("opens_at", INSTANT, "First instant of the sale."),
            Column(
                "closes_at",
                INSTANT,
                "First instant after the sale; null for a permanent one.",
                nullable=True,
            ),
            _RECEIVED,
        ),
    ),
    Table(
        "campaign_products",
        "One row per product on sale in a campaign, and change of its price.",
        ("campaign_id", "product_id", "received_at"),
        (
            _CAMPAIGN,
            _PRODUCT,
            Column("price", pa.float64(), "Price of one unit in this campaign, shop currency."),
            Column(
                "initial_stock",
                pa.int32(),
                "Units for sale at the opening; null where unknown.",
                nullable=True,
            ),
            _RECEIVED,
        ),
    ),
    Table(
        "orders",
        "One row per order line; a return is a line of its own.",
        ("order_id", "line"),
        (
            Column("order_id", TEXT, "The shop's id of the order."),
            Column("line", pa.int32(), "Number of the line in its order, from 1."),
            _optional(_CUSTOMER, "The customer, or null for a guest."),
            _PRODUCT,
            _CAMPAIGN,
            Column("quantity", pa.int32(), "Units, always positive."),
            Column("unit_price", pa.float64(), "Price paid for one unit, shop currency."),
            Column("channel", TEXT, "Where it was ordered, such as web, app or store."),
            Column("kind", TEXT, "A sale, or goods that came back.", values=("sale", "return")),
            _OCCURRED,
            _RECEIVED,
        ),
    ),
    Table(
        "events",
        "One row per thing a visitor saw or did.",
        ("event_id",),
        (
            Column("event_id", TEXT, "The shop's id of the event; the same id twice is one event."),
            _optional(_CUSTOMER, "The customer, or null for a visitor who is not logged in."),
            Column("session_id", TEXT, "The visit it belongs to."),
            Column(
                "kind",
                TEXT,
                "What happened.",
                values=(
                    "impression",
                    "campaign_view",
                    "product_view",
                    "search",
                    "add_to_cart",
                    "checkout_start",
                ),
            ),
            _optional(_CAMPAIGN, "The campaign, or null for a search."),
            _optional(_PRODUCT, "The product, or null where none is meant."),
            Column(
                "position", pa.int16(), "Place on the page of an impression, from 1.", nullable=True
            ),
            Column("device", TEXT, "Device, such as desktop, phone or tablet."),
            _OCCURRED,
            _RECEIVED,
        ),
    ),
    Table(
        "stock_levels",
        "One row per product, location and count of what is left.",
        ("product_id", "location", "occurred_at"),
        (
            _PRODUCT,
            Column("location", TEXT, "Warehouse."),
            Column("quantity", pa.int32(), "Units left."),
            _OCCURRED,
            _RECEIVED,
        ),
    ),
    Table(
        "email_events",
        "One row per reaction to an e-mail; it counts however late it is received.",
        ("message_id", "kind", "occurred_at"),
        (
            Column("message_id", TEXT, "The message."),
            _CUSTOMER,
            Column(
                "kind",
                TEXT,
                "What happened.",
                values=("sent", "opened", "clicked", "bounced", "complained", "unsubscribed"),
            ),
            _OCCURRED,
            _RECEIVED,
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _ALL}


def table(name: str) -> Table:
    """Look a table up.

    Raises
    ------
    BadArgumentError
        If the contract has no such table.
    """
    if name not in TABLES:
        raise BadArgumentError(f"no table '{name}' in the contract; it has {', '.join(TABLES)}")
    return TABLES[name]
