import ApusCore
import ApusFormats
import ApusVision
import Glibc
import TestSupport
import Testing

/// Runs the built `apus` as a user does.
struct Command {
    struct Result {
        var status: Int32
        /// The signal that ended the process; nil if it exited.
        var signal: Int32?
        var output: String
        var errors: String
        var lines: [Substring] { output.split(separator: "\n") }
    }

    /// The path of `apus`, beside the tests' own executable.
    static let path = builtProgram("apus")

    /// Runs it to its end, or sends `signal` after that many milliseconds or once the file `after` exists; `meanwhile` gets its number. `shell`
    /// is executed first, and `launcher` is what the command is an argument of.
    static func run(
        _ arguments: [String], in folder: String, signal: (number: Int32, milliseconds: UInt32)? = nil, after file: String? = nil,
        shell: String = "", launcher: String = "", threads: Int = 1, meanwhile: (pid_t) throws -> Void = { _ in }
    ) throws -> Result {
        let (output, errors) = ("\(folder)/.stdout", "\(folder)/.stderr")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        // One thread unless a test asks for more: tests run in parallel, and threads that wait for a busy core take minutes.
        let script = "cd '\(folder)' && \(shell) APUS_THREADS=\(threads) exec \(launcher) '\(path)' \"$@\""
        let command = ["/bin/sh", "-c", script, "apus"] + arguments
        var argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, "/bin/sh", &actions, nil, &argv, environ) == 0)
        if let signal {
            usleep(signal.milliseconds * 1000)
            // The process is killed after two minutes, which suffice on the slowest machine.
            for _ in 0..<12_000 {
                guard let file, access(file, F_OK) != 0 else { break }
                usleep(10_000)
            }
            kill(pid, signal.number)
        }
        try meanwhile(pid)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        let number = status & 0x7F
        return Result(
            status: number == 0 ? status >> 8 & 0xFF : -1, signal: number == 0 ? nil : number, output: try text(output),
            errors: try text(errors))
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "r"), "\(path)")
        defer { fclose(file) }
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { all += buffer.prefix(count) }
        return all
    }

    static func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }

    static func write(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "w"), "\(path)")
        fputs(text, file)
        fclose(file)
    }

    /// Writes the first images of Fashion-MNIST's test set as PNG files to `folder`/train and `folder`/test, one folder for each class.
    static func makeImages(_ folder: String, train: Int = 160, test: Int = 60) throws {
        let data = try FashionMNIST(.test)
        for part in ["train", "test"] {
            mkdir("\(folder)/\(part)", 0o777)
            for label in 0..<10 { mkdir("\(folder)/\(part)/\(label)", 0o777) }
        }
        for i in 0..<(train + test) {
            let label = data.labels[i].item(Int.self)
            let image = Picture(width: 28, height: 28, channels: 1, pixels: data.images[i].reshape([784]).array(UInt8.self))
            try image.write(to: "\(folder)/\(i < train ? "train" : "test")/\(label)/\(i).png")
        }
    }
}

/// Small pictures of a few classes, and a network for them.
extension TemporaryFolder {
    /// Writes a picture of that class to `name`. Its pixels are those of the recorded run's pictures.
    func writeImage(_ label: Int, _ i: Int, _ name: String, side: Int = 4, channels: Int = 1) throws {
        let pixels = (0..<side * side * channels).map { p in
            UInt8(truncatingIfNeeded: i * 37 + p * p * 11 + label * (i % 3 == 0 ? -40 : 60) + p * label * 5)
        }
        write(try Picture(width: side, height: side, channels: channels, pixels: pixels).encoded(), name)
    }

    func makeImages(_ root: String = "images", classes: [String] = ["cat", "dog", "owl"], count: Int = 20, side: Int = 4) throws {
        for (label, name) in classes.enumerated() {
            for i in 0..<count { try writeImage(label, i, "\(root)/\(name)/\(i).png", side: side) }
        }
    }

    func makeModel(classes: Int = 3, inputs: Int = 16) throws {
        try Command.write(
            "[\"Flatten\", {\"type\": \"Linear\", \"in_features\": \(inputs), \"out_features\": \(classes)}]", to: file("net.json"))
    }
}
