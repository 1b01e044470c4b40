/// What is said of a run, in parts: a program says `batchSize`, a command line `--batch-size`.
///
/// ```swift
/// run.note = { message in print(message) }
/// throw RunError("\(option: .epochs) is 0, it must be at least 1")
/// ```
public struct RunMessage: Hashable, Sendable, CustomStringConvertible {
    /// A part of a message.
    public enum Part: Hashable, Sendable {
        /// Words.
        case text(String)
        /// An option of a run.
        case option(RunOptions.Key)
        /// What to do, as the end of a sentence.
        case remedy(Remedy)
    }

    /// What can be done where a run cannot be as it is asked for.
    public enum Remedy: Hashable, Sendable {
        /// The run needs another folder.
        case anotherFolder
        /// The run in that folder can go on.
        case resume(String)
        /// What lies at a place of that file of tensors can be written to a file of its own.
        case takeOut(String)
    }

    /// What is said, in order.
    public private(set) var parts: [Part] = []

    /// The message for a program: options are properties of ``RunOptions``, remedies are calls.
    public var description: String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .option(let key): "\(key)"
            case .remedy(.anotherFolder): "choose another folder"
            case .remedy(.resume(let path)): "go on with it by Run(resuming: \"\(path)\")"
            case .remedy(.takeOut(let path)): "FileConversion(\"\(path)\", to: \"OUT.safetensors\", at: \"PLACE\") takes them out"
            }
        }.joined()
    }
}

extension RunMessage: ExpressibleByStringInterpolation {
    /// Words.
    public init(stringLiteral text: String) { parts = [.text(text)] }

    /// A message of its parts.
    public init(stringInterpolation: StringInterpolation) { parts = stringInterpolation.parts }

    /// The parts of a message that is being made.
    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var parts: [Part] = []

        /// Nothing yet.
        public init(literalCapacity: Int, interpolationCount: Int) {}

        /// Appends words.
        public mutating func appendLiteral(_ literal: String) { if !literal.isEmpty { parts.append(.text(literal)) } }

        /// Appends a value as text; of a message, or the error that has one, its parts.
        public mutating func appendInterpolation<Value>(_ value: Value) {
            if let message = value as? RunMessage ?? (value as? RunError)?.message {
                parts += message.parts
            } else {
                parts.append(.text("\(value)"))
            }
        }

        /// Appends the name of an option.
        public mutating func appendInterpolation(option key: RunOptions.Key) { parts.append(.option(key)) }

        /// Appends what to do.
        public mutating func appendInterpolation(_ remedy: Remedy) { parts.append(.remedy(remedy)) }
    }
}

/// A request that cannot be met, such as an unknown name or a folder that holds another run.
public struct RunError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was found, what was expected, and what to do.
    public let message: RunMessage
    /// The message for a program.
    public var description: String { message.description }
    /// An error with that message.
    public init(_ message: RunMessage) { self.message = message }
}
