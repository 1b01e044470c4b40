import ApusCore
import ApusSystem

extension Device {
    /// The devices that suites run on: all available ones, or those in the environment variable `APUS_TEST_DEVICES`, separated by commas.
    package static let tested: [Device] =
        environment("APUS_TEST_DEVICES").map { names in
            names.split(separator: ",").map { name in
                guard let device = Device(String(name)) else { preconditionFailure("APUS_TEST_DEVICES: there is no device '\(name)'") }
                if let reason = device.unavailableReason { preconditionFailure("APUS_TEST_DEVICES: \(device) is not available: \(reason)") }
                return device
            }
        } ?? all.filter(\.isAvailable)

    /// The tested devices and the reference, for properties that every backend must have.
    package static let testedAndReference = tested.contains(.reference) ? tested : tested + [.reference]
}
