"""Whether a month may be used: its table against the contract, and against the months before."""
