"""Fine-tune a pre-trained text model with about one per cent of its parameters, and learn whether it was worth it."""
