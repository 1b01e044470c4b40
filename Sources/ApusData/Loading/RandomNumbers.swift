import ApusCore

// The random numbers of a sample depend only on the epoch's seed and the sample's position in the epoch. The generator of a batch starts at
// its first sample's offset in the epoch's stream; sample k of the batch has a stream of its own, whose seed derives from the offset k
// samples further.

extension Generator.State {
    /// The start of the generator of a batch whose first sample is at position `sample` of the epoch with this seed.
    init(epoch seed: UInt64, sample: Int) { self.init(seed: mixed(seed), offset: UInt64(sample) << 32) }

    /// The start of the network's generator for a shard whose first sample is at position `sample` of the epoch with this seed; a different
    /// stream than that of the samples.
    init(network seed: UInt64, sample: Int) { self.init(seed: mixed(seed ^ 0x6E65_7477_6F72_6B), offset: UInt64(sample) << 32) }

    /// The generator of sample `k` of a batch whose generator started here.
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
