"""What the audit shows people: the status page, its timeline, and a decision explained in words."""
