"""How a letter looks and travels: words, templates, pictures, previews, and delivery by SMTP."""
