"""Code that several tests share: environments, programs, runs, fakes of models and machines."""
