import Glibc

/// A device that computes by kernels of its own: the families of `Backend` on top of a driver.
///
/// Kernels are written once, in the dialect of `Kernels/`, and compiled when they are first needed. Work is queued in the order of the calls;
/// the host waits only where it reads. Pointwise work is held back a little, so that a chain of it becomes one kernel (`PointwiseChain`).
///
/// Unchecked Sendable: all that changes is read and written under `lock`.
package final class GPUBackend: Backend, @unchecked Sendable {
    package let name: String
    package let driver: any GPUDriver
    let lock = RecursiveLock()
    var pool: MemoryPool
    var chain = PointwiseChain()
    var reports: IndexReports
    private var staging = Staging()
    private let arguments = KernelArguments()
    private var kernels: [KernelKey: OpaquePointer] = [:]
    /// What times call them.
    private var names: [OpaquePointer: String] = [:]
    /// The pieces of work whose times are being taken; nil while nobody asks.
    var marks: [KernelMark]?
    /// What went wrong with held back work, and the thread that ran it and knows; nil where none does.
    var unheard: (error: OpError, thread: ObjectIdentifier?)?
    /// How often each chain of pointwise steps has come.
    var seenChains: [KernelKey: Int] = [:]
    private let cache: KernelCache
    let products: any GPUProductLibrary
    let convolutions: (any GPUConvolutionLibrary)?
    /// How many kernels and products have been handed to the driver.
    package private(set) var launches = 0
    /// How many times the host has waited for the device.
    package private(set) var waits = 0

    package init(_ driver: any GPUDriver, name: String, products: any GPUProductLibrary, convolutions: (any GPUConvolutionLibrary)? = nil) {
        self.driver = driver
        self.name = name
        self.products = products
        self.convolutions = convolutions
        pool = MemoryPool(driver)
        reports = IndexReports()
        cache = KernelCache(device: driver.facts.name, driver: driver.facts.driver)
    }

    // MARK: Memory

    package func allocate(byteCount: Int) throws(OpError) -> UnsafeMutableRawPointer {
        try locked { () throws(OpError) in
            if byteCount <= driver.facts.largestBlock {
                if let block = pool.take(byteCount) { return block }
                // What the chain still holds may be what is missing.
                try flushChain()
                try driver.synchronize()
                if let block = pool.take(byteCount) { return block }
            }
            let owners = pool.largestOwners
            throw OpError(
                "no memory for \(MemoryStats.describe(byteCount)) on \(name): \(pool.stats) of \(MemoryStats.describe(driver.facts.memory))"
                    + (owners.isEmpty ? "" : "; most is held by \(owners)") + "; use smaller batches, or free some tensors")
        }
    }

    package func deallocate(_ block: UnsafeMutableRawPointer, byteCount: Int) {
        locked {
            // What is still to be written must keep its place until it is.
            if chain.release(block, byteCount) { return }
            pool.give(block, byteCount)
        }
    }

    package func synchronize() throws(OpError) {
        try locked { () throws(OpError) in
            try flushChain()
            waits += 1
            try driver.synchronize()
            try checkReports()
        }
    }

    package func upload(_ source: UnsafeRawPointer, byteCount: Int, to block: UnsafeMutableRawPointer, at offset: Int) throws(OpError) {
        guard byteCount > 0 else { return }
        try locked { () throws(OpError) in
            // The block may be what a held back kernel reads or writes.
            if chain.touches(block) { try flushChain() }
            try staging.upload(source, byteCount: byteCount, to: block, at: offset, driver)
        }
    }

    package func download(
        _ block: UnsafeMutableRawPointer, at offset: Int, byteCount: Int, to target: UnsafeMutableRawPointer
    ) throws(OpError) {
        guard byteCount > 0 else { return }
        try locked { () throws(OpError) in
            try flushChain()
            waits += 1
            try driver.download(block, at: offset, byteCount: byteCount, to: target)
            try checkReports()
        }
    }

    /// The libraries that it calls and those that are missing.
    package var libraries: [String] { locked { [products.state] + (convolutions.map { [$0.state] } ?? []) } }

    package var memoryStats: MemoryStats { locked { pool.stats } }
    package func resetPeakMemory() { locked { pool.resetPeak() } }
    package func emptyCache() {
        locked {
            // Nobody hears of an error here: the next one to wait does.
            do throws(OpError) { try flushChain() } catch { unheard?.thread = nil }
            try? driver.synchronize()
            pool.release()
        }
    }

    // MARK: Kernels

    func locked<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body()
    }

    /// Runs `body` as a piece of work in order: after what was held back. Errors say which work it was, and where.
    @inline(never) func run(_ op: String, _ body: () throws(OpError) -> Void) throws(OpError) {
        do throws(OpError) {
            try locked { () throws(OpError) in
                try flushChain()
                try body()
            }
        } catch {
            throw error.at(op, name)
        }
    }

    /// The kernel of that key, compiled where it is not yet; times call it by `title`, or by its name.
    func kernel(
        _ key: KernelKey, title: @autoclosure () -> String? = nil, _ source: () throws(OpError) -> String
    ) throws(OpError) -> OpaquePointer {
        if let known = kernels[key] { return known }
        let text = driver.facts.language.header(hasFloat64: driver.facts.hasFloat64) + (try source())
        let program = try cache.program(text, driver)
        let made = try driver.kernel(key.name, of: program)
        kernels[key] = made
        names[made] = title() ?? key.name
        return made
    }

    /// Whether the kernel of that key has been compiled.
    func knows(_ key: KernelKey) -> Bool { kernels[key] != nil }

    /// Runs a kernel over `groups` groups with the arguments that `fill` lays down, after what was held back.
    @inline(never) func launch(_ kernel: OpaquePointer, groups: Int, _ fill: (KernelArguments) throws(OpError) -> Void) throws(OpError) {
        try flushChain()
        arguments.reset()
        try fill(arguments)
        launches += 1
        try marked(names[kernel] ?? "") { () throws(OpError) in
            try driver.launch(kernel, groups: groups, arguments)
            return true
        }
    }

    /// As many groups as `count` items fill, and no more than keep the device busy: kernels walk on by the number of items there are.
    func groups(for count: Int) -> Int {
        max(1, min((count + KernelDialect.group - 1) / KernelDialect.group, driver.facts.computeUnits * 32))
    }

    /// A group for each of `count` lines or tiles, and no more than keep the device busy.
    func groups(each count: Int) -> Int { max(1, min(count, driver.facts.computeUnits * 64)) }

    /// Counts a call of a library as a launch.
    func countLaunch() { launches += 1 }

    package func computes(_ dtype: DType) -> Bool { dtype != .float64 || driver.facts.hasFloat64 }

    /// Refuses what the device cannot compute.
    func require(_ dtype: DType) throws(OpError) {
        if !computes(dtype) { throw OpError("\(driver.facts.name) does not compute float64; use float32, or the CPU") }
    }

    // MARK: Working copies

    /// x itself where it is contiguous, else a copy.
    func contiguous(_ x: Tensor) throws(OpError) -> Tensor { try x.contiguousData() }

    /// Elements of `dtype` that only kernels see.
    func scratch(_ count: Int, _ dtype: DType, like x: Tensor) throws(OpError) -> Tensor {
        try Tensor.uninitialized([count], dtype, x.device)
    }
}

extension OpError {
    /// The error, of `op` on `device` where it says no place of its own.
    func at(_ op: @autoclosure () -> String, _ device: String) -> OpError {
        var error = self
        if error.op.isEmpty { error.op = "\(op()) on \(device)" }
        return error
    }
}

/// What tells kernels apart: a name, dtypes, and whatever else their source depends on.
struct KernelKey: Hashable {
    let name: String
    var variant: [Int32] = []

    init(_ name: String, _ dtypes: DType..., variant: Int32...) {
        self.name = name
        self.variant = dtypes.map { Int32($0.rawValue) } + variant
    }

    init(_ name: String, signature: [Int32]) {
        self.name = name
        variant = signature
    }
}

/// A mutex that the thread holding it may take again: freeing a tensor within a piece of work comes back to the memory pool.
final class RecursiveLock: @unchecked Sendable {
    // Its address must stay, so that it lives on the heap; the system's mutex orders all access to what it guards.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init() {
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
        pthread_mutex_init(mutex, &attributes)
        pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }
}
