#!/usr/bin/env python3
"""Records what torchvision makes of PIL's pictures, for TransformTests.

    python3 record_transforms.py      needs PyTorch, torchvision, Pillow and NumPy (pip install --no-deps torchvision)

Writes Recorded/transforms.safetensors (picture/NAME, and a result under each case's key) and transforms.json: `cases` (picture, function,
arguments, key), `magnitudes` and `pairs` of the policies, `sizes` of resized pictures, and `printed`, what torchvision's classes print. Functions that torchvision refuses for a
picture are left out.
"""
import json
import pathlib
import struct

import numpy as np
import torch
from PIL import Image

library = torch.library.Library("torchvision", "DEF")  # Its compiled part is not needed, but asked for these.
for operator in ["nms", "qnms"]:
    library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from torchvision.transforms import v2  # noqa: E402
from torchvision.transforms.v2 import functional as F  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent / "Recorded"


def pictures():
    random = np.random.default_rng(0)

    def noise(height, width, channels):
        return random.integers(0, 256, (height, width, channels))

    def slopes(height, width, channels):
        y, x = np.mgrid[0:height, 0:width] / max(height, width)
        return np.stack([255 * x, 255 * y, 255 * (1 - x) * (1 - y)][:channels], -1)

    def photo(height, width, channels):
        """Slow and fast waves, an edge, and some noise."""
        y, x = np.mgrid[0:height, 0:width] / max(height, width)
        planes = []
        for c in range(channels):
            wave = np.sin(5 * x + 2 * y * (c + 1)) + 0.6 * np.sin(14 * y - 3 * x + c) + 0.3 * np.sin(40 * x * y)
            planes.append(120 + 45 * wave + 60 * ((x - 0.4) ** 2 + (y - 0.5) ** 2 < 0.06) + random.normal(0, 5, x.shape))
        return np.stack(planes, -1)

    def few(height, width, channels):
        """Little contrast."""
        return 90 + random.integers(0, 30, (height, width, channels))

    def hues(height, width, channels):
        return np.stack([noise(height, width, 1)[..., 0], np.full((height, width), 128), slopes(height, width, 1)[..., 0]], -1)

    made = {
        "dot": noise(1, 1, 3), "gray-dot": noise(1, 1, 1), "line": noise(1, 7, 3), "column": noise(7, 1, 3), "gray-line": slopes(1, 9, 1),
        "pair": noise(2, 3, 3), "square": noise(5, 5, 3), "noise": noise(17, 13, 3), "gray-noise": noise(13, 17, 1), "slopes": slopes(16, 16, 3),
        "gray-slopes": slopes(9, 21, 1), "few": few(12, 15, 3), "hues": hues(12, 14, 3), "photo": photo(24, 18, 3), "wide": photo(15, 26, 3),
        "gray-photo": photo(25, 19, 1), "large": photo(40, 31, 3), "black": np.zeros((6, 4, 3)), "white": np.full((3, 8, 1), 255), "bars": noise(1, 20, 3).repeat(8, 0),
    }
    return {name: np.clip(picture, 0, 255).astype(np.uint8) for name, picture in made.items()}


FILTERS = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
TURNING = ["nearest", "bilinear", "bicubic"]


def calls(name, height, width, channels):
    """Functions and their arguments for a picture."""
    colour = [10, 200, 60] if channels == 3 else [77]
    for size in [[height * 2 + 1, width * 3], [max(height // 2, 1), max(width * 2 // 5, 1)], [height, 5], [4, width], [7, 9]]:
        for interpolation in FILTERS:
            yield "resize", {"size": size, "interpolation": interpolation}
    if min(height, width) > 8:
        for interpolation in FILTERS:
            yield "resized_crop", {"top": 2, "left": 1, "height": height - 5, "width": width - 3, "size": [6, 7], "interpolation": interpolation}
        yield "resized_crop", {"top": 1, "left": 3, "height": 7, "width": 4, "size": [7, 4], "interpolation": "bilinear"}
        yield "resized_crop", {"top": 1, "left": 3, "height": 7, "width": 4, "size": [9, 4], "interpolation": "bicubic"}
        yield "resized_crop", {"top": 1, "left": 3, "height": 7, "width": 4, "size": [7, 3], "interpolation": "lanczos"}
    for size in [[1, 1], [6, 9], [height + 3, width], [max(height - 1, 1), width + 2], [max(height - 3, 1), max(width - 5, 1)]]:
        yield "center_crop", {"size": size}
    for box in [(0, 0, 1, 1), (-2, 1, 5, 6), (height - 1, -1, 3, 4)]:
        yield "crop", dict(zip(["top", "left", "height", "width"], box))
    for padding in [[1, 2, 3, 4], [0, 0, 2, 1], [5, 3, 5, 3]]:
        for mode in ["constant", "edge", "reflect", "symmetric"]:
            yield "pad", {"padding": padding, "fill": colour, "mode": mode}
    for function in ["hflip", "vflip", "invert", "equalize", "autocontrast"]:
        yield function, {}
    for angle in [0, 90, 180, 270, 360, -90, 450, 37.5, -12, 200.25]:
        for interpolation in TURNING if angle % 90 else ["nearest"]:
            for expand in [False, True]:
                yield "rotate", {"angle": angle, "interpolation": interpolation, "expand": expand, "center": None, "fill": colour}
    yield "rotate", {"angle": 30, "interpolation": "bilinear", "expand": False, "center": [1.5, 2.0], "fill": [0]}
    for interpolation in TURNING:
        for angle, translate, scale, shear, center in [
            (0, [0, 0], 1, [0, 0], None), (25, [2, -1], 1.3, [0, 0], None), (-60, [0, 3], 0.6, [12, -7], None), (0, [3, 2], 1, [0, 0], None),
            (0, [0, 0], 1.7, [0, 0], None), (0, [0, 0], 1, [20, 0], [0, 0]), (140, [0, 0], 2.5, [5, 30], [3, 4]),
        ]:
            yield "affine", {"angle": angle, "translate": translate, "scale": scale, "shear": shear, "interpolation": interpolation, "fill": colour, "center": center}
    corners = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
    if min(height, width) >= 3:
        w, h = width / 4 + 0.37, height / 5 + 0.21  # No pixel's middle comes to lie on an edge, where the last bit would decide.
        for moved in [
            corners, [[w, 0], [width - 1, h], [width - 1 - w, height - 1], [0, height - 1 - h]],
            [[0, 0], [width - 1 - w, h], [width - 1, height - 1], [w, height - 1 - h]],
        ]:
            for interpolation in TURNING:
                yield "perspective", {"from": corners, "to": moved, "interpolation": interpolation, "fill": colour}
    for function in ["brightness", "contrast", "saturation", "sharpness"]:
        for factor in [0, 0.37, 0.9, 1, 1.5, 3.2]:
            yield function, {"factor": factor}
    for factor in [-0.5, -0.21, -0.003, 0, 0.1, 0.34, 0.5]:
        yield "hue", {"factor": factor}
    for count in [1, 3]:
        yield "grayscale", {"channels": count}
    for bits in [1, 3, 7, 8]:
        yield "posterize", {"bits": bits}
    for threshold in [0, 100.5, 128, 255, 256]:
        yield "solarize", {"threshold": threshold}
    for kernel, sigma in [([3, 3], [0.5, 0.5]), ([5, 9], [1.2, 0.4]), ([1, 3], [2, 2]), ([11, 7], [3, 2])]:
        yield "blur", {"kernel": kernel, "sigma": sigma}
    if name in ["noise", "gray-photo", "photo", "square", "dot"]:
        for policy in POLICIES:
            space = policy._AUGMENTATION_SPACE
            bins = 10 if isinstance(policy, (v2.AutoAugment, v2.AugMix)) else 31
            for operation, (values, signed) in space.items():
                values = values(bins, height, width)
                if isinstance(policy, v2.AugMix) or values is None and isinstance(policy, v2.TrivialAugmentWide):
                    continue
                for bin in [0] if values is None else [bins // 3, bins - 1]:
                    magnitude = 0.0 if values is None else float(values[bin])
                    for value in [magnitude, -magnitude] if signed else [magnitude]:
                        interpolation = "bilinear" if bin == bins - 1 else "nearest"
                        yield "operation", {"name": operation, "magnitude": value, "interpolation": interpolation, "fill": colour}


POLICIES = [v2.RandAugment(), v2.AutoAugment(), v2.TrivialAugmentWide(), v2.AugMix()]


def result(function, a, picture):
    fill = a.get("fill")
    if function == "resize":
        return F.resize(picture, a["size"], interpolation=a["interpolation"])
    if function == "resized_crop":
        return F.resized_crop(picture, a["top"], a["left"], a["height"], a["width"], a["size"], interpolation=a["interpolation"])
    if function == "center_crop":
        return F.center_crop(picture, a["size"])
    if function == "crop":
        return F.crop(picture, a["top"], a["left"], a["height"], a["width"])
    if function == "pad":
        return F.pad(picture, a["padding"], fill=fill, padding_mode=a["mode"])
    if function in ["hflip", "vflip"]:
        return {"hflip": F.horizontal_flip, "vflip": F.vertical_flip}[function](picture)
    if function in ["invert", "equalize", "autocontrast"]:
        return getattr(F, function)(picture)
    if function == "rotate":
        return F.rotate(picture, a["angle"], interpolation=a["interpolation"], expand=a["expand"], center=a["center"], fill=fill)
    if function == "affine":
        return F.affine(picture, a["angle"], a["translate"], a["scale"], a["shear"], interpolation=a["interpolation"], fill=fill, center=a["center"])
    if function == "perspective":
        return F.perspective(picture, a["from"], a["to"], interpolation=a["interpolation"], fill=fill)
    if function in ["brightness", "contrast", "saturation", "sharpness", "hue"]:
        return getattr(F, "adjust_" + function)(picture, a["factor"])
    if function == "grayscale":
        return F.rgb_to_grayscale(picture, a["channels"])
    if function == "posterize":
        return F.posterize(picture, a["bits"])
    if function == "solarize":
        return F.solarize(picture, a["threshold"])
    if function == "blur":
        return F.gaussian_blur(picture, a["kernel"], a["sigma"])
    assert function == "operation"
    return POLICIES[0]._apply_image_or_video_transform(picture, a["name"], a["magnitude"], v2.InterpolationMode(a["interpolation"]), {Image.Image: fill})


def printed():
    """Class, arguments as a file gives them, and what torchvision prints."""
    made = [
        ("Resize", {"size": 224}), ("Resize", {"size": [64, 80], "interpolation": "bicubic"}), ("Resize", {"size": 100, "max_size": 300}),
        ("CenterCrop", {"size": 224}), ("CenterCrop", {"size": [3, 4]}), ("Pad", {"padding": 2}), ("Pad", {"padding": [1, 2], "fill": 7, "padding_mode": "reflect"}),
        ("RandomCrop", {"size": 32}), ("RandomCrop", {"size": [5, 6], "padding": [4, 4, 4, 4], "pad_if_needed": True}),
        ("RandomResizedCrop", {"size": 224}), ("RandomResizedCrop", {"size": [8, 9], "scale": [0.2, 0.9], "ratio": [0.5, 2], "interpolation": "lanczos"}),
        ("RandomHorizontalFlip", {}), ("RandomVerticalFlip", {"p": 0.25}), ("RandomRotation", {"degrees": 10}),
        ("RandomRotation", {"degrees": [5, 20], "expand": True, "center": [1, 2], "fill": 3, "interpolation": "bilinear"}),
        ("RandomAffine", {"degrees": 0}), ("RandomAffine", {"degrees": [-3, 4], "translate": [0.1, 0.2], "scale": [0.8, 1.1], "shear": 5}),
        ("RandomAffine", {"degrees": 1, "shear": [1, 2, 3, 4]}), ("RandomPerspective", {}), ("RandomPerspective", {"distortion_scale": 0.2, "p": 1}),
        ("ColorJitter", {}), ("ColorJitter", {"brightness": 0.4, "contrast": [0.5, 0.75], "saturation": 2, "hue": 0.1}),
        ("Grayscale", {}), ("Grayscale", {"num_output_channels": 3}), ("RandomGrayscale", {}), ("GaussianBlur", {"kernel_size": 5}),
        ("GaussianBlur", {"kernel_size": [3, 5], "sigma": 1.5}), ("RandomAdjustSharpness", {"sharpness_factor": 2}), ("RandomPosterize", {"bits": 2}),
        ("RandomSolarize", {"threshold": 192.5}), ("RandomEqualize", {}), ("RandomAutocontrast", {"p": 0.1}), ("RandomInvert", {}), ("RandAugment", {}),
        ("RandAugment", {"num_ops": 3, "magnitude": 5, "fill": [1, 2, 3]}), ("TrivialAugmentWide", {}), ("AutoAugment", {}), ("AutoAugment", {"policy": "svhn"}), ("AugMix", {}),
        ("RandomErasing", {}), ("RandomErasing", {"value": "random"}), ("RandomErasing", {"value": [0.5, 1, 2]}), ("Normalize", {"mean": [0.5], "std": [0.25]}),
    ]
    for name, arguments in made:
        given = dict(arguments)
        if "policy" in given:
            given["policy"] = v2.AutoAugmentPolicy(given["policy"])
        yield {"type": name, "arguments": arguments, "text": str(getattr(v2, name)(**given))}


def magnitudes():
    for policy in POLICIES:
        for bins in [10, 31, 7]:
            for height, width in [(224, 200), (33, 47)]:
                for operation, (values, signed) in policy._AUGMENTATION_SPACE.items():
                    values = values(bins, height, width)
                    if values is not None:
                        yield {"policy": type(policy).__name__, "operation": operation, "bins": bins, "height": height, "width": width, "signed": signed,
                               "values": [float(value) for value in values]}


def pairs():
    for policy in v2.AutoAugmentPolicy:
        for pair in v2.AutoAugment(policy)._policies:
            yield {"policy": policy.value, "steps": [{"operation": name, "p": p, "bin": bin or 0} for name, p, bin in pair]}


def sizes():
    """[height, width, size, max_size, height and width afterwards]"""
    for height, width in [(1, 1), (1, 50), (50, 1), (30, 47), (47, 30), (1000, 750), (333, 331), (100, 100)]:
        for size, most in [(7, None), (224, None), ([3, 9], None), (20, 21), (20, 40), (30, 31), (None, 60), (None, 9)]:
            try:
                made = F.resize(Image.new("L", (width, height)), size, max_size=most)
            except ValueError:
                continue
            yield {"height": height, "width": width, "size": [size] if isinstance(size, int) else size, "most": most, "made": [made.height, made.width]}


def save_tensors(path, arrays):
    header, data = {}, []
    place = 0
    for key, array in arrays.items():
        header[key] = {"dtype": "U8", "shape": array.shape, "data_offsets": [place, place + array.size]}
        place += array.size
        data.append(array.tobytes())
    text = json.dumps(header, separators=(",", ":")).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def main():
    arrays, cases, results = {}, [], {}
    for name, array in pictures().items():
        height, width, channels = array.shape
        arrays[f"picture/{name}"] = array
        picture = Image.fromarray(array[..., 0] if channels == 1 else array)
        for function, arguments in calls(name, height, width, channels):
            try:
                made = np.asarray(result(function, arguments, picture))
            except (RuntimeError, ValueError):
                continue
            made = made.reshape(made.shape[0], made.shape[1], -1)
            # Equal results are there once.
            key = results.setdefault((made.shape, made.tobytes()), str(len(results)))
            arrays[key] = made
            cases.append({"picture": name, "function": function, "arguments": arguments, "key": key})

    def lines(entries):
        return "[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]"

    HERE.mkdir(exist_ok=True)
    parts = {"cases": cases, "magnitudes": list(magnitudes()), "printed": list(printed()), "pairs": list(pairs()), "sizes": list(sizes())}
    (HERE / "transforms.json").write_text("{\n" + ",\n".join(f'"{name}": {lines(part)}' for name, part in parts.items()) + "\n}\n")
    save_tensors(HERE / "transforms.safetensors", arrays)
    print(len(cases), "cases,", len(results), "results")


if __name__ == "__main__":
    main()
