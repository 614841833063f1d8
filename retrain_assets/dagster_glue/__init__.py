"""What the assets of every stage share of Dagster."""
