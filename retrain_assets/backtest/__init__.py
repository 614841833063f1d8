"""What would other retraining policies have cost? One matrix of models and days answers it for all of them."""
