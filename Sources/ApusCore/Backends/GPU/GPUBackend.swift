import Glibc

/// A device with its own kernels: the families of `Backend` on top of a driver.
///
/// Kernels are written once, in the dialect of `Kernels/`, and compiled on first use. Work is queued in the order of the calls; the host
/// waits only when it reads. Pointwise work is deferred, so that a chain of it becomes one kernel (`PointwiseChain`).
///
/// Unchecked Sendable: all mutable state is accessed under `lock`.
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
    /// The kernels' names in profiles.
    private var names: [OpaquePointer: String] = [:]
    /// The launches being timed; nil if nobody measures.
    var marks: [KernelMark]?
    /// An error of deferred work, and the thread that it was thrown to; nil for the thread if it was not thrown.
    var unheard: (error: OpError, thread: ObjectIdentifier?)?
    /// How often each chain of pointwise steps has occurred.
    var seenChains: [KernelKey: Int] = [:]
    private let cache: KernelCache
    let products: any GPUProductLibrary
    let convolutions: (any GPUConvolutionLibrary)?
    /// How many kernels and library calls have been launched.
    package private(set) var launches = 0
    /// How often the host has waited for the device.
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
                // Running the chain releases memory that it holds.
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
            // A block that deferred work still uses is released after that work.
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
            // Deferred work may use the block.
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

    /// The libraries in use and those that are missing.
    package var libraries: [String] { locked { [products.state] + (convolutions.map { [$0.state] } ?? []) } }

    package var memoryStats: MemoryStats { locked { pool.stats } }
    package func resetPeakMemory() { locked { pool.resetPeak() } }
    package func emptyCache() {
        locked {
            // An error is not thrown here; the next thread that waits gets it.
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

    /// Runs `body` in order, after the deferred work. Errors get the name of the op and the device.
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

    /// The kernel for the key, compiled if necessary; profiles show it as `title`, or as its name.
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

    /// Whether the kernel for the key has been compiled.
    func knows(_ key: KernelKey) -> Bool { kernels[key] != nil }

    /// Launches a kernel with `groups` groups and the arguments that `fill` appends, after the deferred work.
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

    /// The number of groups for `count` items, at most as many as keep the device busy; kernels loop over the remaining items.
    func groups(for count: Int) -> Int {
        max(1, min((count + KernelDialect.group - 1) / KernelDialect.group, driver.facts.computeUnits * 32))
    }

    /// One group per line or tile, at most as many as keep the device busy.
    func groups(each count: Int) -> Int { max(1, min(count, driver.facts.computeUnits * 64)) }

    /// Counts a library call as a launch.
    func countLaunch() { launches += 1 }

    package func computes(_ dtype: DType) -> Bool { dtype != .float64 || driver.facts.hasFloat64 }

    /// Throws if the device does not compute the dtype.
    func require(_ dtype: DType) throws(OpError) {
        if !computes(dtype) { throw OpError("\(driver.facts.name) does not compute float64; use float32, or the CPU") }
    }

    // MARK: Temporary copies

    /// x if it is contiguous, else a copy.
    func contiguous(_ x: Tensor) throws(OpError) -> Tensor { try x.contiguousData() }

    /// A temporary tensor of `count` elements for kernels.
    func scratch(_ count: Int, _ dtype: DType, like x: Tensor) throws(OpError) -> Tensor {
        try Tensor.uninitialized([count], dtype, x.device)
    }
}

extension OpError {
    /// The error, with `op` and `device` added if it does not name an op.
    func at(_ op: @autoclosure () -> String, _ device: String) -> OpError {
        var error = self
        if error.op.isEmpty { error.op = "\(op()) on \(device)" }
        return error
    }
}

/// Identifies a kernel: a name, dtypes, and everything else its source depends on.
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

/// A mutex that its holder may lock again: releasing a tensor during a call returns to the memory pool.
final class RecursiveLock: @unchecked Sendable {
    // On the heap, since a mutex must not move; it guards all access to the state of its owner.
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
