"""The live model in use: in Python, on files of new rows."""
