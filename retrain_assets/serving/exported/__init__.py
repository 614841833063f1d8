"""What an export holds beside the scorer: the package `live_scorer`, which other servers import."""
