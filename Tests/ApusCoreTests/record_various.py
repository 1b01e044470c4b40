"""What `record_ops.py` records of operators with numbers, filling, hashes, factors of low rank, and what is printed with options;
`RecordedOps+Various.swift` has the same names."""
import torch


def halves(h):
    """The bits of hashes as numbers that a double holds."""
    h = h.view(torch.int64)
    return torch.stack([h >> 32, h & 0xFFFFFFFF])


def fill_gradient(x, which):
    """A gradient of fill."""
    a, c = x.clone().requires_grad_(), torch.tensor(2.0, requires_grad=True)
    torch.fill(a, c).mul(x).sum().backward()
    return (a, c)[which].grad


def printed(value, **options):
    """`value` as it is printed with these options."""
    torch.set_printoptions(**options)
    text = repr(value)
    torch.set_printoptions(profile="default")
    return text


def cases(x, i, b, s, wave, changed):
    """The expressions by name, of the inputs of `record_ops.py`."""
    few = i.to(torch.uint8)
    # Of rank 2, and symmetric with eigenvalues that are far from each other.
    low = wave(6, 2, dtype=torch.float64) @ wave(2, 5, k=1.3, dtype=torch.float64)
    moved = wave(1, 5, k=0.9, dtype=torch.float64)
    both = torch.stack([low, low.flip(1) * 2])
    large = wave(15, 15, dtype=torch.float64)
    large = (large + large.mT) / 2 + torch.arange(15, dtype=torch.float64).square().diag()

    def rebuilt(found):
        u, s, v = found
        return (u * s.unsqueeze(-2) @ v.mT).float()

    return {
        "and.number": lambda: i & 6,
        "and.number before": lambda: 5 & few,
        "or.number before": lambda: 5 | few,
        "or.number and bool": lambda: 2 | b,
        "xor.number before": lambda: 3 ^ s,
        "shiftLeft.number before": lambda: 1 << (i % 5),
        "shiftLeft.number": lambda: few << 2,
        "shiftRight.number before": lambda: 1000 >> i,
        "shiftRight.number": lambda: s >> 1,
        "and_.number": lambda: changed(few, lambda a: a.__iand__(6)),
        "shiftLeft_.number": lambda: changed(i, lambda a: a.__ilshift__(3)),
        "fill": lambda: torch.fill(x, 2.5),
        "fill.int": lambda: torch.fill(i, 7.9),
        "fill.bool": lambda: torch.fill(b, 2),
        "fill.tensor": lambda: torch.fill(x, torch.tensor(3)),
        "fill.gradient of x": lambda: fill_gradient(x, 0),
        "fill.gradient of the value": lambda: fill_gradient(x, 1),
        "fill_.tensor": lambda: changed(i, lambda a: a.fill_(torch.tensor(2.5))),
        "hashTensor": lambda: halves(torch.hash_tensor(x)),
        "hashTensor.dim": lambda: halves(torch.hash_tensor(x, -1)),
        "hashTensor.dims": lambda: halves(torch.hash_tensor(x, (0, 2), keepdim=True)),
        "hashTensor.int": lambda: halves(torch.hash_tensor(s.int(), 0, mode=0)),
        "hashTensor.bool": lambda: halves(torch.hash_tensor(b, 1)),
        "hashTensor.half": lambda: halves(torch.hash_tensor(x.half(), 0)),
        "svdLowrank.s": lambda: torch.svd_lowrank(low, q=3)[1].float(),
        "svdLowrank.wide": lambda: torch.svd_lowrank(low.mT, q=2)[2].abs().float(),
        "svdLowrank.rebuilt": lambda: rebuilt(torch.svd_lowrank(both, niter=0)),
        "svdLowrank.m": lambda: rebuilt(torch.svd_lowrank(low + moved, q=2, M=moved)),
        "pcaLowrank.s": lambda: torch.pca_lowrank(low)[1].float(),
        "pcaLowrank.v": lambda: torch.pca_lowrank(both, q=2)[2].abs().float(),
        "pcaLowrank.not centered": lambda: torch.pca_lowrank(low, 2, center=False, niter=1)[1].float(),
        "lobpcg.batch": lambda: torch.lobpcg(torch.stack([large, large.flip(0, 1)]))[0].float(),
    }


def prints(x, v, i):
    """Texts by name."""
    return {
        "options.precision": lambda: printed(v, precision=2),
        "options.no digits": lambda: printed(v, precision=0),
        "options.short": lambda: printed(torch.arange(2000.0).reshape(40, 50) / 7, profile="short"),
        "options.full": lambda: printed(torch.arange(1001), profile="full"),
        "options.threshold": lambda: printed(x, threshold=5, edgeitems=1),
        "options.no edges": lambda: printed(x, threshold=5, edgeitems=0),
        "options.no edges of a vector": lambda: printed(v, threshold=5, edgeitems=0),
        "options.threshold of a scalar": lambda: printed(v[0], threshold=0, edgeitems=0),
        "options.linewidth": lambda: printed(v.half(), linewidth=40),
        "options.narrow": lambda: printed(i, linewidth=1),
        "options.scientific": lambda: printed(v, sci_mode=True, precision=3),
        "options.scientific integers": lambda: printed(torch.tensor([1.0, 20.0]), sci_mode=True),
        "options.scientific zeros": lambda: printed(torch.zeros(2), sci_mode=True),
        "options.fixed": lambda: printed(torch.tensor([1e-5, 1.0, 2e9]), sci_mode=False),
    }
