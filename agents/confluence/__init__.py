"""What six scores mean together: weights, reliability, crossings, the join."""
