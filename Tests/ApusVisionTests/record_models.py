#!/usr/bin/env python3
"""Records keys, shapes, parameter counts and outputs of torchvision's networks, for Tests/ApusVisionTests/ModelTests.swift.

    python3 Tests/ApusVisionTests/record_models.py Tests/ApusVisionTests/Recorded

needs torch and torchvision (0.28 has wheels whose compiled part need not load: the two operators that it names are declared below).
Weights and inputs are filled by a rule that both sides know, so that nothing large is stored.
"""
import json
import os
import sys

import torch

library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import torchvision

torch.set_num_threads(1)
PRIME = 1000003
INDEX = torch.arange(3500000, dtype=torch.int64)
TABLE = ((31 * INDEX * INDEX + 7 * INDEX) % PRIME).double() / PRIME * 2 - 1


def noise(key, count):
    """Numbers in [-1, 1): those of the sequence (31·i² + 7·i) mod p from the place on that a key's bytes give, Σ byte·(place + 1)·3701 mod p."""
    start = sum(byte * (place + 1) * 3701 for place, byte in enumerate(key.encode())) % PRIME
    return TABLE[start:start + count]


def fill(key, tensor):
    """Uniform weights with He's variance, 2 / fan in; scales from 0.5 to 1, variances from 0.5 to 1.5, means and biases within ±0.1."""
    if key.endswith("num_batches_tracked"):
        return torch.tensor(3)
    u = noise(key, tensor.numel()).reshape(tensor.shape)
    if key.endswith("running_var"):
        u = 1 + u / 2
    elif key.endswith("running_mean") or key.endswith("bias"):
        u = u / 10
    elif tensor.dim() == 1:
        u = 0.75 + u / 4
    else:
        u = u * (6 / (tensor.numel() // tensor.shape[0])) ** 0.5
    return u.float()


def run(name, mode, shape, key, classes=1000):
    model = getattr(torchvision.models, name)(num_classes=classes)
    state = {k: fill(k, t) for k, t in model.state_dict().items()}
    model.load_state_dict(state)
    model.train(mode == "train")
    x = noise("input", torch.Size(shape).numel()).reshape(shape).float()
    with torch.no_grad():
        y = model(x)
    answer = {"model": name, "mode": mode, "input": shape, "output": [round(v, 6) for v in y.flatten()[:: max(1, y.numel() // 100)].double().tolist()],
              "largest": y.abs().max().item()}
    if key:
        answer["statistics"] = {"key": key, "values": model.state_dict()[key].double().tolist()[:16]}
    return answer


def main(folder):
    networks = {}
    for name in ["resnet18", "resnet34", "resnet50", "mobilenet_v2"]:
        model = getattr(torchvision.models, name)()
        networks[name] = {
            "parameters": sum(p.numel() for p in model.parameters()),
            "keys": [[k, list(t.shape)] for k, t in model.state_dict().items()],
        }
    outputs = [
        run("resnet18", "eval", [2, 3, 64, 64], None), run("resnet34", "eval", [1, 3, 64, 64], None),
        run("resnet50", "eval", [1, 3, 64, 64], None), run("mobilenet_v2", "eval", [2, 3, 64, 64], None),
        run("mobilenet_v2", "eval", [1, 3, 224, 224], None), run("resnet18", "eval", [1, 3, 75, 50], None),
        run("resnet18", "train", [4, 3, 64, 64], "layer4.1.bn2.running_mean"),
        run("resnet50", "train", [2, 3, 64, 64], "layer3.0.downsample.1.running_var"),
    ]
    text = json.dumps({"torchvision": torchvision.__version__, "networks": networks, "outputs": outputs})
    with open(os.path.join(folder, "models.json"), "w") as file:
        file.write(text.replace('"networks"', '\n"networks"').replace('{"model"', '\n{"model"') + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
