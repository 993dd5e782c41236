"""What several tests share: environments, programs, runs, stand-ins for models and machines."""
