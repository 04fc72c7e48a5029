"""What `vitrine sql` and the data dictionary say of the file that `vitrine lists report` fills."""

from vitrine.transform.product_tables import Column, Table

UPLIFTS = Table(
    "list_uplifts",
    "One row per list, arm, control and outcome of the current reports: what an arm changed per"
    " customer, beside those held out and beside the largest arm.",
    (
        Column("list_name", "varchar", "Name of the list in the policy."),
        Column("first_night", "date", "First night of the report."),
        Column("last_night", "date", "Last night of the report."),
        Column("known_until", "timestamptz", "What was received before is counted."),
        Column("arm", "varchar", "Arm of the list's experiment."),
        Column("control", "varchar", "What it stands beside: hold_out, or another arm."),
        Column(
            "outcome",
            "varchar",
            "turnover and purchases (orders) of all kinds in these nights; opened and clicked"
            " letters.",
        ),
        Column("customer_count", "bigint", "Customers of the arm."),
        Column("control_customer_count", "bigint", "Customers of the control."),
        Column(
            "mean",
            "double",
            "Of the arm, per customer, adjusted by what both did in the 28 days before.",
        ),
        Column("control_mean", "double", "Of the control, likewise."),
        Column("difference", "double", "Mean less that of the control."),
        Column("difference_low", "double", "Lower bound of its 95 % interval."),
        Column("difference_high", "double", "Upper bound."),
        Column(
            "relative", "double", "The difference over the control's mean; NaN where that is 0."
        ),
        Column("relative_low", "double", "Lower bound of its 95 % interval."),
        Column("relative_high", "double", "Upper bound."),
        Column("p_value", "double", "How often chance alone makes as large a difference."),
        Column("variance_kept", "double", "Share of the variance that the adjustment left."),
    ),
)
TABLES = (UPLIFTS,)
