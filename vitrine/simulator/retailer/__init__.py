"""An ordinary retailer of any size, written day by day: no day needs the days before it played."""
