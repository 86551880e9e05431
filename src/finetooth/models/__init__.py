"""The pre-trained model, its adapters and the one forward path. Everything here may import torch."""
