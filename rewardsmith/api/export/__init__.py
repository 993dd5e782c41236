"""The export of a run: a readable reward file, its provenance, and the trained policy."""

from rewardsmith.api.export.bundle import export_run

__all__ = ["export_run"]
