"""The authority on versions: content-addressed model folders, one append-only journal, the live pointer it implies."""
