#if DEBUG
import Runtime
#endif

/// The calls that led to an op, for anomaly mode. Debug builds only: release builds have no lines to name.
struct CallTrace {
    #if DEBUG
    private let backtrace: Backtrace?

    static func capture() -> CallTrace {
        CallTrace(backtrace: try? Backtrace.capture(limit: 64))
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
