"""What a letter shows: candidates and their reasons, slates, campaigns, and limited stock."""
