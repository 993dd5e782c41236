"""The library: plan, design, inspect and export runs.

Every usage error is raised before anything is spent.
"""
