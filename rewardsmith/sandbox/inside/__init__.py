"""The confined process: this code runs beside generated code and imports only `types` of ours."""
