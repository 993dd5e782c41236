"""Where jobs run. Today: processes of this machine."""
