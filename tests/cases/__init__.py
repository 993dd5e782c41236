"""Environments and settings that people really have; each file stands for one kind."""
