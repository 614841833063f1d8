"""A backtest as people read it: on the terminal, as a page with pictures."""
