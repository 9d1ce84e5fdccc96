"""Parents: orders that an algorithm works by child orders; what algorithms have in common."""
