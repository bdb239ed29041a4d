"""From an order to a trained model: templates, tokens, micro-batches, the optimizer's loop."""
