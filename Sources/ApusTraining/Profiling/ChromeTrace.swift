import ApusFormats
import ApusSystem

extension Profile {
    /// Writes all events in Chrome's trace format, for chrome://tracing or ui.perfetto.dev; times in microseconds.
    /// Throws if the file cannot be written; an existing file is then unchanged.
    public func writeTrace(to path: String) throws {
        let lines = events.map { JSON.object(members($0)).text }
        try AtomicFile.write("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n" + lines.joined(separator: ",\n") + "\n]}\n", to: path)
    }

    private func members(_ event: Event) -> [JSON.Member] {
        var arguments: [JSON.Member] = []
        if let module = event.module { arguments.append(.init("module", .string(module))) }
        if event.bytes > 0 { arguments.append(.init("bytes", .int(Int64(event.bytes)))) }
        return [
            .init("name", .string(event.name)), .init("cat", .string(event.kind.rawValue)), .init("ph", "X"), .init("pid", 1),
            .init("tid", 1),
            .init("ts", .double(event.start * 1e6)), .init("dur", .double(event.duration * 1e6)), .init("args", .object(arguments)),
        ]
    }
}
