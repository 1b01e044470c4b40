#!/usr/bin/env python3
"""Makes odd pictures and records what Pillow reads of them, for PictureTests.

    python3 record_pictures.py        needs Pillow 13 and NumPy (scripts/install-python-packages)

Writes Recorded/pictures/ (the files), pictures.json (name, file, and whether it is read) and pictures.safetensors (NAME/rgb, NAME/gray,
and NAME/EIGHTHS where a JPEG is decoded to fewer pixels).
What Pillow makes of files that Apus refuses is there for the reader: it goes on where values are lost, and reads other formats too.
"""
import io
import json
import pathlib
import re
import shutil
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

HERE = pathlib.Path(__file__).resolve().parent / "Recorded"
WIDTH, HEIGHT = 37, 23


def scene(width=WIDTH, height=HEIGHT, channels=3):
    """Slopes, a disc and a bar: no two orientations look alike."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    planes = [255 * x, 255 * y, 255 * (1 - x) * (1 - y), 200 - 120 * x * y][:channels]
    picture = np.stack([np.clip(plane * 1.5, 0, 255) for plane in planes], -1)
    picture[(x - 0.3) ** 2 + (y - 0.2) ** 2 < 0.02] = [230, 40, 60, 250][:channels]
    picture[height * 3 // 4:, width // 2:] = [20, 90, 220, 60][:channels]
    return picture.astype(np.uint8)


def save(picture, format, **options):
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def jpeg(picture=None, **options):
    return save(scene() if picture is None else picture, "JPEG", **{"quality": 90, **options})


def exif(orientation, big=False):
    mark, order = (b"MM", ">") if big else (b"II", "<")
    entries = [(256, 3, 1, WIDTH), (274, 3, 1, orientation)]
    body = b"".join(struct.pack(order + "HHI", tag, kind, count) + struct.pack(order + "HH", value, 0) for tag, kind, count, value in entries)
    return b"Exif\0\0" + mark + struct.pack(order + "HI", 42, 8) + struct.pack(order + "H", len(entries)) + body + b"\0\0\0\0"


def chunk(name, contents):
    return struct.pack(">I", len(contents)) + name + contents + struct.pack(">I", zlib.crc32(name + contents))


def png(values, depth, colour, interlaced=False, palette=None, extra=b"", last=b""):
    """A PNG of `values` [height, width, channels], for the kinds that Pillow does not write."""
    height, width, _ = values.shape
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    rows = b""
    for x, y, across, down in passes:
        part = values[y::down, x::across]
        if not part.size:
            continue
        for row in part:
            if depth == 16:
                packed = row.astype(">u2").tobytes()
            else:
                bits = (row.reshape(-1, 1).astype(np.uint8) >> np.arange(depth - 1, -1, -1, dtype=np.uint8)) & 1
                packed = np.packbits(bits.reshape(-1)).tobytes()
            rows += b"\0" + packed
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced)))
    colours = chunk(b"PLTE", palette) if palette else b""
    return b"\x89PNG\r\n\x1a\n" + header + colours + extra + chunk(b"IDAT", zlib.compress(rows)) + last + chunk(b"IEND", b"")


def without(segment, data):
    """The JPEG without the segments of that marker."""
    out, at = data[:2], 2
    while data[at + 1] != 0xDA:
        length = 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        out += b"" if data[at + 1] == segment else data[at:at + length]
        at += length
    return out + data[at:]


def patched(data, at, value):
    return data[:at] + bytes([value]) + data[at + 1:]


def readable():
    """Files by name, with the endings under which they are saved."""
    rgb, gray = scene(), scene(channels=1)
    deep = scene(channels=4).astype(np.uint16) * 257 ^ 0x5A
    cmyk = Image.frombytes("CMYK", (WIDTH, HEIGHT), scene(channels=4).tobytes())
    cmyk_jpeg = jpeg(cmyk)
    adobe = cmyk_jpeg.index(b"Adobe") + 11
    steps = scene(channels=1) // 16
    palette16 = bytes(np.random.default_rng(1).integers(0, 256, 48, np.uint8))
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a picture")

    files = {
        "jpeg-444.jpg": jpeg(subsampling=0), "jpeg-422.jpg": jpeg(subsampling=1), "jpeg-420.jpg": jpeg(subsampling=2),
        "jpeg-coarse.jpg": jpeg(quality=5), "jpeg-fine.jpg": jpeg(quality=100, subsampling=0), "jpeg-progressive.jpg": jpeg(progressive=True),
        "jpeg-progressive-gray.jpg": jpeg(gray, progressive=True), "jpeg-gray.jpg": jpeg(gray), "jpeg-cmyk.jpg": cmyk_jpeg,
        "jpeg-cmyk-progressive.jpg": jpeg(cmyk, progressive=True), "jpeg-ycck.jpg": patched(cmyk_jpeg, adobe, 2),
        "jpeg-cmyk-without-adobe.jpg": without(0xEE, cmyk_jpeg), "jpeg-rgb.jpg": jpeg(keep_rgb=True),
        "jpeg-restart-rows.jpg": jpeg(restart_marker_rows=1), "jpeg-restart-blocks.jpg": jpeg(restart_marker_blocks=2, progressive=True),
        "jpeg-one-pixel.jpg": jpeg(scene(1, 1)), "jpeg-narrow.jpg": jpeg(scene(1, 40)), "jpeg-profile.jpg": jpeg(icc_profile=b"p" * 3000, comment=b"c"),
        "jpeg-trailing.jpg": jpeg() + b"and more", "jpeg-exif-big-endian.jpg": jpeg(exif=exif(6, big=True)),
        "jpeg-exif-9.jpg": jpeg(exif=exif(9)), "jpeg-as.png": jpeg(), "jpeg-exif-gray.jpeg": jpeg(gray, exif=exif(8)),
        "jpeg-exif-cmyk.jpeg": jpeg(cmyk, exif=exif(5)), "jpeg-large.jpg": jpeg(scene(160, 160), quality=60),
    }
    files |= {f"jpeg-exif-{i}.jpg": jpeg(exif=exif(i)) for i in range(1, 9)}
    files |= {
        "png-gray-16.png": png(deep[..., :1], 16, 0), "png-rgb-16.png": png(deep[..., :3], 16, 2), "png-rgba-16.png": png(deep, 16, 6),
        "png-gray-alpha-16-interlaced.png": png(deep[..., [0, 3]], 16, 4, interlaced=True), "png-gray-1.png": png(gray // 128, 1, 0),
        "png-gray-2-interlaced.png": png(gray // 64, 2, 0, interlaced=True), "png-gray-4.png": png(steps, 4, 0),
        "png-palette-1.png": png(gray // 128, 1, 3, palette=palette16[:6]),
        "png-palette-4-interlaced.png": png(steps, 4, 3, interlaced=True, palette=palette16),
        "png-palette-8.png": save(Image.fromarray(rgb).quantize(200), "PNG"),
        "png-palette-alpha.png": png(steps, 8, 3, palette=palette16, extra=chunk(b"tRNS", bytes(range(0, 160, 10)))),
        "png-rgb-interlaced.png": png(rgb, 8, 2, interlaced=True), "png-rgba.png": save(scene(channels=4), "PNG"),
        "png-gray-alpha.png": png(scene(channels=2), 8, 4), "png-rgb-key.png": png(rgb, 8, 2, extra=chunk(b"tRNS", rgb[3, 5].astype(">u2").tobytes())),
        "png-gray-key.png": png(gray, 8, 0, extra=chunk(b"tRNS", b"\0\x20")), "png-gamma-text.png": save(rgb, "PNG", pnginfo=text),
        "png-exif-6.png": save(rgb, "PNG", exif=exif(6)), "png-exif-last.png": png(rgb, 8, 2, last=chunk(b"eXIf", exif(3)[6:])),
        "png-as.jpg": save(rgb, "PNG"),
        "webp-lossy.webp": save(rgb, "WEBP", quality=80), "webp-lossless.webp": save(rgb, "WEBP", lossless=True),
        "webp-lossy-alpha.webp": save(scene(channels=4), "WEBP", quality=80),
        "webp-lossless-alpha.webp": save(scene(channels=4), "WEBP", lossless=True, exact=True),
        "webp-exif-7.webp": save(rgb, "WEBP", lossless=True, exif=exif(7)), "webp-one-pixel.webp": save(scene(1, 1), "WEBP"),
        "webp-as.txt": save(gray, "WEBP", quality=50),
    }
    return files


def unreadable():
    whole, progressive, deep, webp = jpeg(), jpeg(progressive=True), save(scene(), "PNG"), save(scene(), "WEBP", quality=80)
    scan = whole.index(b"\xff\xda") + 14
    frame = whole.index(b"\xff\xc0")
    bomb = without(0xE0, jpeg(scene(8, 8, 1)))
    large = bomb.index(b"\xff\xc0") + 5
    frames = [Image.fromarray(scene()), Image.fromarray(scene()[::-1].copy())]
    return {
        "cut-jpeg.jpg": whole[:len(whole) // 2 + 150], "cut-progressive.jpg": progressive[:-40], "cut-end.jpg": whole[:-2], "cut-header.jpg": whole[:frame + 6],
        "cut-png.png": deep[:-30], "cut-webp.webp": webp[:-20], "damaged-scan.jpg": whole[:scan] + b"\xff\xd9" + whole[scan + 40:],
        "damaged-checksum.png": patched(deep, len(deep) // 2, deep[len(deep) // 2] ^ 1), "gif-as.png": save(frames[0], "GIF"),
        "page-as.jpg": b"<!DOCTYPE html><html>not found</html>", "empty.png": b"", "animated.webp": save(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "bomb-60000.jpg": bomb[:large] + struct.pack(">HH", 60000, 60000) + bomb[large + 4:],
        "bomb-8000.jpg": bomb[:large] + struct.pack(">HH", 8000, 8000) + bomb[large + 4:],
        "bomb-60000.png": png(np.zeros((1, 1, 1), np.uint8), 8, 0)[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 60000)) + chunk(b"IEND", b""),
        "bomb-16383.webp": b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8L" + struct.pack("<I", 18) + b"\x2f" + struct.pack("<I", 0x0FFFFFFF) + b"\x88\x88\x08" + b"\0" * 10,
    }


def save_tensors(path, arrays):
    header, data = {}, b""
    for key, array in arrays.items():
        header[key] = {"dtype": "U8", "shape": array.shape, "data_offsets": [len(data), len(data) + array.size]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    folder = HERE / "pictures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    entries, arrays = [], {}
    for name, contents in readable().items():
        (folder / name).write_bytes(contents)
        with Image.open(io.BytesIO(contents)) as picture:
            turned = ImageOps.exif_transpose(picture)
            if turned.mode == "I;16":
                # The upper 8 bits, as in colour; convert() would make 255 of all that is larger.
                turned = Image.fromarray((np.asarray(turned) >> 8).astype(np.uint8))
            arrays[f"{name}/rgb"] = np.asarray(turned.convert("RGB"))
            arrays[f"{name}/gray"] = np.asarray(turned.convert("L"))
        entries.append({"file": name, "reads": True})
    for name in ["jpeg-420.jpg", "jpeg-progressive.jpg", "jpeg-gray.jpg", "jpeg-cmyk.jpg", "jpeg-restart-rows.jpg"]:
        for eighths in [1, 2, 4]:
            with Image.open(folder / name) as picture:
                picture.draft(picture.mode, (WIDTH * eighths // 8, HEIGHT * eighths // 8))
                arrays[f"{name}/{eighths}"] = np.asarray(picture.convert("RGB"))
    for name, contents in unreadable().items():
        (folder / name).write_bytes(contents)
        try:
            with Image.open(io.BytesIO(contents)) as picture:
                picture.load()
            pillow = "reads it"
        except Exception as error:
            pillow = f"{type(error).__name__}: {error}"
        entries.append({"file": name, "reads": False, "pillow": re.sub(" <.*>", "", pillow)[:120]})
    # One entry a line.
    (HERE / "pictures.json").write_text("[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n")
    save_tensors(HERE / "pictures.safetensors", arrays)
    print(len(entries), "files,", sum(entry["reads"] for entry in entries), "of which are read")


if __name__ == "__main__":
    main()
