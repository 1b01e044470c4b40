"""Records keys and outputs of networks of torchvision, for the tests of models."""
