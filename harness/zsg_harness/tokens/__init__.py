"""From examples to what a model reads: templates, tokens, batches."""
