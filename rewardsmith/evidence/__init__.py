"""What recorded episodes say about a program, without training."""
