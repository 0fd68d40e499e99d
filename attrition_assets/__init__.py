"""Watches an employee-attrition model and retrains it when, and only when, it should."""

import os

# Read as numpy and scikit-learn are loaded. The matrices here are small: threads that wait for one
# another would take several times the CPU of a training. What is set already stands.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
