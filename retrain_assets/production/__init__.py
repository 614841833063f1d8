"""Moving the live pointer: promotion on a verdict, rollback to what was served before."""
