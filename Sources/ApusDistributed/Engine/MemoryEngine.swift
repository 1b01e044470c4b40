import Synchronization

/// Several ranks in one process, whose messages go through its memory: for tests of what holds for any number of processes.
final class MemoryEngine: Engine {
    /// What the ranks of one world share.
    final class Post: Sendable {
        let size: Int
        fileprivate let boxes: [Box]
        /// Channels by the parent, how often it was split before, and the colour.
        fileprivate let channels = Mutex<[[Int]: Channel]>([:])

        init(size: Int) {
            self.size = size
            boxes = (0..<size).map { _ in Box() }
        }
    }

    /// What has arrived at a rank, and what it waits for, both in order.
    fileprivate final class Box: Sendable {
        struct State {
            var messages: [Message] = []
            var receipts: [Receipt] = []
        }
        let state = Mutex(State())
    }

    fileprivate struct Message {
        let from: Int, channel: Channel, tag: Int
        let bytes: [UInt8]
    }

    /// A receive under way.
    ///
    /// @unchecked: whoever delivers a message writes `memory` and then `outcome`, which the receiver reads, with the box locked.
    fileprivate final class Receipt: @unchecked Sendable {
        let from: Int?, channel: Channel, tag: Int
        let memory: UnsafeMutableRawBufferPointer
        var outcome: Result<Void, EngineError>?

        init(from: Int?, channel: Channel, tag: Int, memory: UnsafeMutableRawBufferPointer) {
            (self.from, self.channel, self.tag, self.memory) = (from, channel, tag, memory)
        }

        func takes(_ message: Message) -> Bool {
            message.channel == channel && message.tag == tag && (from == nil || message.from == from)
        }

        func deliver(_ message: Message) {
            guard message.bytes.count <= memory.count else {
                outcome = .failure(
                    EngineError(message: "a message of \(message.bytes.count) bytes arrived where \(memory.count) are expected"))
                return
            }
            memory.copyBytes(from: message.bytes)
            outcome = .success(())
        }
    }

    let rank: Int
    var size: Int { post.size }
    let allowsAnyThread = true
    let (world, control) = (0, 1)
    private let post: Post
    /// The world's ranks of a channel, in its order; how often each was split.
    private var members: [Channel: [Int]] = [:]
    private var splits: [Channel: Int] = [:]

    init(rank: Int, of post: Post) {
        self.rank = rank
        self.post = post
    }

    func start() {}

    /// The world's rank of a channel's.
    private func address(_ rank: Int, on channel: Channel) -> Int { members[channel]?[rank] ?? rank }

    func send(_ memory: UnsafeRawBufferPointer, to rank: Int, on channel: Channel, tag: Int) -> Request {
        let message = Message(from: self.rank, channel: channel, tag: tag, bytes: Array(memory))
        post.boxes[address(rank, on: channel)].state.withLock { state in
            if let i = state.receipts.firstIndex(where: { $0.takes(message) }) {
                state.receipts.remove(at: i).deliver(message)
            } else {
                state.messages.append(message)
            }
        }
        return MemoryEngine.sent
    }

    /// The request of what was sent, which was done at once: messages are copied.
    private static var sent: Request { Request(address: UnsafeMutableRawPointer(bitPattern: 8)!) }

    func receive(into memory: UnsafeMutableRawBufferPointer, from rank: Int?, on channel: Channel, tag: Int) -> Request {
        let receipt = Receipt(from: rank.map { address($0, on: channel) }, channel: channel, tag: tag, memory: memory)
        post.boxes[self.rank].state.withLock { state in
            if let i = state.messages.firstIndex(where: receipt.takes) {
                receipt.deliver(state.messages.remove(at: i))
            } else {
                state.receipts.append(receipt)
            }
        }
        return Request(address: Unmanaged.passRetained(receipt).toOpaque())
    }

    func isDone(_ request: Request) throws -> Bool {
        if request.address == MemoryEngine.sent.address { return true }
        let receipt = Unmanaged<Receipt>.fromOpaque(request.address)
        guard let outcome = post.boxes[rank].state.withLock({ _ in receipt.takeUnretainedValue().outcome }) else { return false }
        receipt.release()
        try outcome.get()
        return true
    }

    func split(_ channel: Channel, color: Int, key: Int, members ranks: [Int]) -> Channel {
        let number = splits[channel, default: 0]
        splits[channel] = number + 1
        let made = post.channels.withLock { channels in
            let name = [channel, number, color]
            // 0 and 1 are the world and the channel of questions.
            let made = channels[name] ?? channels.count + 2
            channels[name] = made
            return made
        }
        members[made] = ranks.map { address($0, on: channel) }
        return made
    }

    func finish() {}
    /// The error that follows ends each rank: the process has others to run.
    func abort(_ code: Int32) {}
}
