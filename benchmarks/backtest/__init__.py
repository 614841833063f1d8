"""The policy backtest against published results, and what it costs."""
