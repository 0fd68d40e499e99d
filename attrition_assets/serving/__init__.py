"""What answers over HTTP: predictions, drift checks, and pages that people look at."""
