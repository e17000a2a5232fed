"""What the task YAMLs refer to: loaders, prompt and scoring functions."""
