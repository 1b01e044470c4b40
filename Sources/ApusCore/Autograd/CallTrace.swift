#if DEBUG
    @_spi(Internal) @_spi(MemoryReaders) import Runtime
#endif

/// The calls that led to an op, for anomaly mode. Debug builds only: release builds have no lines to name.
struct CallTrace {
    #if DEBUG
        private let backtrace: Backtrace?

        /// The program's images, looked for once. `Backtrace.capture` alone looks each time and reads the head of every mapped file by its address,
        /// which ends the process where another thread unmaps one meanwhile (a loader's file); this reader asks the kernel and gets an error instead.
        private static let images = ImageMap.capture(using: LocalMemoryReader())

        static func capture() -> CallTrace {
            CallTrace(backtrace: try? Backtrace.capture(limit: 64, images: images))
        }

        /// The user's lines, innermost first, as text to add to a message.
        var lines: String {
            guard let frames = backtrace?.symbolicated()?.frames else { return "" }
            let own = ["$s8ApusCore", "$s6ApusNN", "$s9ApusOptim", "$s8ApusData", "$s12ApusTraining", "$ss"]
            let places = frames.compactMap { frame -> String? in
                guard let symbol = frame.symbol, let place = symbol.sourceLocation, place.line > 0,
                    !own.contains(where: { symbol.rawName.hasPrefix($0) }),
                    // What macros wrote is nobody's line.
                    !place.path.contains("swift-generated-sources")
                else { return nil }
                return "\n    at \(place.path):\(place.line)"
            }
            return places.prefix(4).joined()
        }
    #else
        static func capture() -> CallTrace { CallTrace() }
        var lines: String { "" }
    #endif
}
