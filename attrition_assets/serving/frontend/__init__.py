"""The pages that people look at, made from what the two APIs answer and from nothing else."""
