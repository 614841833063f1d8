"""Which periods and rows a decision may use: the calendar, and the cut into train, selection and gate."""
