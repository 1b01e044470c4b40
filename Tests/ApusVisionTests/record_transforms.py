"""Records what torchvision and Pillow make of pictures, for the tests of transforms."""
