"""What was learnt from a source's files and holds as long as these stay as they are."""
