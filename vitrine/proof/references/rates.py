"""What rates are drawn towards where little is known; the guesses of macros/rates.sql."""

from vitrine.proof.history import History


def smoothed(part: float, whole: float, prior: float, weight: float) -> float:
    """Return the part of a whole, with so much more of the whole at the prior."""
    return (min(part, whole) + weight * prior) / (whole + weight)


def guessed_conversion(history: History) -> float:
    """Return the orders per view of a shop that had no view."""
    return _guess(history, 0.02, "orders", "events")


def guessed_sell_through(history: History) -> float:
    """Return the share of the stock that is sold in a shop that had none."""
    return _guess(history, 0.5, "orders", "campaign_products")


def guessed_share(history: History) -> float:
    """Return the share of all orders that a campaign has in a shop without orders."""
    return _guess(history, 0.05, "orders")


def _guess(history: History, guess: float, *needed: str) -> float:
    """Return the guess, or 0 in a shop that lacks a table which the rate needs."""
    return guess if history.provided.issuperset(needed) else 0.0
