"""Small environments for the cases."""
