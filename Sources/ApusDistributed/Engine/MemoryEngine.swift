import Synchronization

/// Ranks that are threads of one process and exchange messages through its memory, to test with any number of ranks.
final class MemoryEngine: Engine {
    /// The state that the ranks of one world share.
    final class Post: Sendable {
        let size: Int
        fileprivate let boxes: [Box]
        /// Channels by parent channel, how often the parent was split before, and color.
        fileprivate let channels = Mutex<[[Int]: Channel]>([:])

        init(size: Int) {
            self.size = size
            boxes = (0..<size).map { _ in Box() }
        }
    }

    /// Messages that have arrived at a rank, and its pending receives, each in order.
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

    /// A pending receive.
    ///
    /// @unchecked: `memory` and `outcome` are written by the thread that delivers the message and read by the receiver, both with the box
    /// locked.
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
    /// For each channel, the world ranks of its members in the channel's order; and how often it was split.
    private var members: [Channel: [Int]] = [:]
    private var splits: [Channel: Int] = [:]

    init(rank: Int, of post: Post) {
        self.rank = rank
        self.post = post
    }

    func start() {}

    /// The world rank of a channel's rank.
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

    /// The request of every send: messages are copied, so a send is complete at once.
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
            // 0 and 1 are the `world` and `control` channels.
            let made = channels[name] ?? channels.count + 2
            channels[name] = made
            return made
        }
        members[made] = ranks.map { address($0, on: channel) }
        return made
    }

    func finish() {}
    /// Does nothing: the error that follows ends the rank, and the process has other threads to run.
    func abort(_ code: Int32) {}
}
