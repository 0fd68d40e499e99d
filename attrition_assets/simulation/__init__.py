"""A simulated company: people who are hired, rise and leave, and faults to plant in their data."""
