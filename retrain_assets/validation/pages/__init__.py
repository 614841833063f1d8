"""What the validation report shows."""
