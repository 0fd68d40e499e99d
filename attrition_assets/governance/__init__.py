"""What a model must answer for: comparison with the champion, fairness, records."""
