"""What goes back to the writer. Today: the process of a training."""
