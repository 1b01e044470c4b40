"""Packs what scripts/check/gpu-drill has built into one archive: pack.py TREE ARCHIVE LIMIT. TREE holds bin, lib, drill and checkout;
images are added."""
import gzip
import io
import json
import lzma
import pathlib
import struct
import sys
import tarfile
import time

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
# The minimum number of training images for the seed program, and the resources that are left out, in this order, to make room for them.
FEWEST, DROPPED = 4000, ["half", "forms"]
# The required accuracy: with 7,000 images instead of 60,000 it is 0.80 to 0.85 on the CPU.
FLOOR = 0.75


def compressed(data):
    filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 128 << 20}]
    return lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, filters=filters)


def tar(members, is_last):
    """A part of a tar archive. Concatenated xz streams are one stream, and so are the parts in them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data, mode in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), mode, 0
            archive.addfile(entry, io.BytesIO(data))
        end = archive.offset
    return buffer.getvalue() if is_last else buffer.getvalue()[:end]


def without_languages(data):
    """ICU without its locale data, 34 MB of 40: Foundation then finds no locales, and the programs need none. The data are one archive,
    whose last entry is kept."""
    at = data.find(b"CmnD") - 12
    if at < 0 or data[at + 2:at + 4] != b"\xda\x27":
        return data
    header, = struct.unpack_from("<H", data, at)
    count, = struct.unpack_from("<I", data, at + header)
    _, last = struct.unpack_from("<II", data, at + header + 4 + 8 * (count - 1))
    return data[:at] + bytes(header + last) + data[at + header + last:]


def without_unwinding(data):
    """A program with its unwind table (.eh_frame) zeroed, a tenth of its size: Swift throws no C++ exceptions;
    the shared libraries that do, oneDNN and the C++ standard library, keep theirs."""
    program = bytearray(data)
    headers, = struct.unpack_from("<Q", program, 0x28)
    size, count, names = struct.unpack_from("<HHH", program, 0x3A)
    text, = struct.unpack_from("<Q", program, headers + names * size + 0x18)
    for at in range(headers, headers + count * size, size):
        name, = struct.unpack_from("<I", program, at)
        if program[text + name:text + name + 10] == b".eh_frame\0":
            begin, length = struct.unpack_from("<QQ", program, at + 0x18)
            program[begin:begin + length] = bytes(length)
    return bytes(program)


def files(root):
    """Names, contents and modes of the files in a folder. Programs come first, together, since they contain the same library."""
    paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
    for path in sorted(paths, key=lambda path: (path.parent.name != "bin", path.parent.name != "lib")):
        data, is_program = path.read_bytes(), path.parent.name == "bin"
        if is_program:
            data = without_unwinding(data)
        elif "FoundationICU" in path.name:
            data = without_languages(data)
        yield path.relative_to(root).as_posix(), data, 0o755 if is_program else 0o644


def pictures(part, count):
    """The first `count` images and labels of the original files, and their number."""
    images, labels = (gzip.decompress((DATA / f"{part}-{kind}-ubyte.gz").read_bytes()) for kind in ("images-idx3", "labels-idx1"))
    count = min(count, len(labels) - 8)
    return [(f"data/{part}-images-idx3-ubyte", images[:4] + struct.pack(">I", count) + images[8:16 + 784 * count], 0o644),
            (f"data/{part}-labels-idx1-ubyte", labels[:4] + struct.pack(">I", count) + labels[8:8 + count], 0o644)], count


def main(root, archive, limit):
    facts = {**json.loads((root / "manifest.json").read_text()), "floor": FLOOR}
    members = [member for member in files(root) if member[0] != "manifest.json"] + pictures("t10k", 10_000)[0]
    for drop in [None, *DROPPED]:
        if drop:
            facts["left out"] = facts.get("left out", []) + [f"recorded layers, {drop}"]
            members = [member for member in members if f".resources/{drop}/" not in member[0]]
        began = time.monotonic()
        fixed = compressed(tar(members, False))
        print(f"{sum(len(m[1]) for m in members) / 2**20:.1f} MiB of programs, libraries, records and test pictures take {len(fixed) / 2**20:.2f} MiB ({time.monotonic() - began:.0f} s)", flush=True)
        # An image takes 377 bytes; if the images still do not fit, try fewer.
        count, room = int((limit - len(fixed)) / 378), limit - len(fixed)
        while count >= FEWEST:
            learn, facts["pictures"] = pictures("train", count)
            rest = compressed(tar(learn + [("manifest.json", json.dumps(facts).encode(), 0o644)], True))
            if len(rest) <= room:
                archive.write_bytes(fixed + rest)
                print(f"{facts['pictures']} pictures to learn from take {len(rest) / 2**20:.2f} MiB\n{archive}: {(len(fixed) + len(rest)) / 2**20:.2f} MiB of {limit / 2**20:.0f}")
                return
            count = int(count * room / len(rest)) - 50
    parts = sorted(((len(compressed(data)), len(data), name) for name, data, _ in members if len(data) > 100_000), reverse=True)
    print("\n".join(f"{small / 2**20:7.2f} MiB of {large / 2**20:7.2f} {name}" for small, large, name in parts))
    sys.exit(f"{len(fixed) / 2**20:.2f} MiB leave no room for {FEWEST} pictures within {limit / 2**20:.0f} MiB")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]))
