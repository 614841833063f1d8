"""What the monitoring assets show."""
