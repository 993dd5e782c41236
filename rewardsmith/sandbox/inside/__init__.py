"""The confined process: everything here runs beside generated code and imports nothing of ours but `types`."""
