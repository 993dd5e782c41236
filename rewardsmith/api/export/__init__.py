"""What leaves a run: one readable reward file, its provenance, and the trained policy."""

from rewardsmith.api.export.bundle import export_run

__all__ = ["export_run"]
