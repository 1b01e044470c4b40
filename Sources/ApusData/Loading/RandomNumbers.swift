import ApusCore

// Random numbers of a sample depend on the epoch's seed and the sample's position in the epoch alone. The generator of a batch begins at its
// first sample's place in the epoch's stream; sample k of the batch has a stream of its own, which the place k samples further names.

extension Generator.State {
    /// Where the generator of a batch begins whose first sample is at position `sample` of the epoch with this seed.
    init(epoch seed: UInt64, sample: Int) { self.init(seed: mixed(seed), offset: UInt64(sample) << 32) }

    /// Where the generator of the network begins for a shard whose first sample is at position `sample` of the epoch with this seed: another
    /// stream than that of the samples themselves.
    init(network seed: UInt64, sample: Int) { self.init(seed: mixed(seed ^ 0x6E65_7477_6F72_6B), offset: UInt64(sample) << 32) }

    /// The generator of sample `k` of a batch whose generator was here.
    func ofSample(_ k: Int) -> Generator { Generator(seed: mixed(seed &+ mixed(offset &+ UInt64(k) << 32))) }
}

extension Generator {
    /// A seed for an independent stream of random numbers; advances this generator by one.
    package func drawSeed() -> UInt64 {
        let place = take(1)
        return mixed(place.seed &+ mixed(place.offset))
    }

    /// A generator at `state`.
    package convenience init(at state: State) {
        self.init(seed: state.seed)
        self.state = state
    }
}

/// The finalizer of SplitMix64: every bit of the result depends on every bit of `x`.
func mixed(_ x: UInt64) -> UInt64 {
    var z = x &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}
