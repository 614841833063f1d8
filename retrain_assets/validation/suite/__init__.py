"""The regression suite of known hard cases."""
