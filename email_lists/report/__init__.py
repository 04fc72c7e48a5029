"""What became of a list's nights: sizes, reactions, sales, uplift, variety and stock, as a page."""
