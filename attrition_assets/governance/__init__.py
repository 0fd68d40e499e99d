"""Whether a challenger deserves to be champion. No Dagster, no MLflow; a person promotes."""
