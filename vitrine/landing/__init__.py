"""Raw drops become lake tables, quarantined rows and balanced books; a shop's format stays out."""
