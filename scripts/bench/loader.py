"""Prints the median over five epochs of the seconds a picture in PyTorch's DataLoader: JPEGs to 224 x 224, mirrored at random, batches of 32
by two processes. The processes live on between epochs."""
import pathlib
import statistics
import sys
import time

import torch

# torchvision's compiled part does not load with every PyTorch; its transforms do not need it.
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from PIL import Image
from torchvision.transforms import v2


class Pictures(torch.utils.data.Dataset):
    def __init__(self, folder):
        self.files = sorted(pathlib.Path(folder).glob("*/*.jpg"))
        self.transform = v2.Compose(
            [v2.Resize((224, 224)), v2.RandomHorizontalFlip(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        with Image.open(self.files[index]) as picture:
            return self.transform(picture.convert("RGB")), 0


torch.set_num_threads(1)
data = Pictures(sys.argv[1])
loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True, num_workers=2, persistent_workers=True)
times = []
for epoch in range(6):
    start = time.perf_counter()
    for _ in loader:
        pass
    times.append((time.perf_counter() - start) / len(data))
print(f"{statistics.median(times[1:]):g}")
