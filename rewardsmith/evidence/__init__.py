"""Evidence about a program from recorded episodes, without training."""
