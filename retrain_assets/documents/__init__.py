"""How anything is shown to people: pages, figures, redaction."""
