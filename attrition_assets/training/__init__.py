"""What makes a model of a reference table, and what it is worth. No Dagster, no MLflow."""
