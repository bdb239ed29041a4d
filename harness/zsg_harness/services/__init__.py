"""What plugins are handed: similarity, embeddings, lengths, losses and models, through the context alone."""
