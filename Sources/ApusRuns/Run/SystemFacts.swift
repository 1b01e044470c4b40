import ApusCore
import ApusFormats
import ApusSystem
import ApusTraining
import Glibc

/// The versions and the machine that a program runs on, for reports and `apus info`.
public enum SystemFacts {
    /// One fact: a name and a value.
    public struct Fact: Hashable, Sendable {
        /// The name, such as `processor`.
        public var name: String
        /// The value on this machine.
        public var value: String
        /// A fact with that name and value.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The version of Apus.
    public static let version = "0.1.0"

    /// All facts that can be found out.
    public static func gather() -> [Fact] {
        var facts = [Fact(name: "Apus", value: version), Fact(name: "Swift", value: swift)]
        facts += [
            Fact(name: "oneDNN", value: oneDNNVersion), Fact(name: "zlib", value: zlibVersionText),
            Fact(name: "libpng", value: pngVersionText),
            Fact(name: "libjpeg-turbo", value: jpegVersionText), Fact(name: "libwebp", value: webpVersionText),
        ]
        facts.append(Fact(name: "threads", value: "\(threadCount)"))
        if let processor = firstValue(in: "/proc/cpuinfo", of: "model name") { facts.append(Fact(name: "processor", value: processor)) }
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        if cores > 0 { facts.append(Fact(name: "cores", value: "\(cores)")) }
        if let features { facts.append(Fact(name: "vector instructions", value: features)) }
        let (pages, pageSize) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        if pages > 0, pageSize > 0 {
            facts.append(Fact(name: "memory", value: Text.fixed(Double(pages) * Double(pageSize) / Double(1 << 30), 1) + " GiB"))
        }
        if let system = firstValue(in: "/etc/os-release", of: "PRETTY_NAME") { facts.append(Fact(name: "system", value: system)) }
        var name = utsname()
        if uname(&name) == 0 {
            let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            facts.append(Fact(name: "kernel", value: release))
        }
        return facts
    }

    /// The version of the compiler that built this program.
    static var swift: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }

    /// The vector instructions that decide which kernels run, best first.
    private static var features: String? {
        guard let flags = firstValue(in: "/proc/cpuinfo", of: "flags") else { return nil }
        let all = flags.split(separator: " ")
        let known = [
            ("avx512f", "AVX-512"), ("avx512_bf16", "AVX-512 BF16"), ("amx_tile", "AMX"), ("avx2", "AVX2"), ("fma", "FMA"),
            ("f16c", "F16C"), ("sse4_2", "SSE4.2"),
        ]
        let found = known.filter { flag in all.contains { $0 == flag.0 } }.map(\.1)
        return found.isEmpty ? nil : found.joined(separator: ", ")
    }
}
