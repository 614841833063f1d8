"""What the journal and the reports say about the past: who was live when, and how well the model was looked after."""
