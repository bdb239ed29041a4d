"""First-party arrangements: the paper's and the baselines they are compared to."""
