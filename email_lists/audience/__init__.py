"""Who is written to: consent, suppressions, caps, hold-out and arms, and when a letter goes out."""
