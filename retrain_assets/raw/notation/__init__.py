"""How values are written as text, and what they mean."""
