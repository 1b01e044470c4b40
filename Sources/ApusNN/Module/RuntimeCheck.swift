import ApusCore
import CContext

/// Whether Swift's runtime lays out objects as ``Module/copy()`` assumes. Tested once per process on a class made for it, before the first
/// object is made field by field, since the runtime of another toolchain may differ, and memory would silently be corrupted.
///
/// Known to hold for Swift 6.3. Layouts are first only read, within the memory that the allocator says belongs to the object; memory is
/// written only once all of them are right.
enum RuntimeCheck {
    /// How the layout differs; nil where it does not.
    static let problem: String? = fieldProblem() ?? extentProblem() ?? enumProblem() ?? copyProblem()

    /// Fails where the layout differs; true where it does not.
    static func holds(for user: String) -> Bool {
        guard let problem else { return true }
        fail(
            user,
            "this program's Swift runtime is not laid out as Apus knows it from Swift 6.3 (\(problem)); "
                + "make another object of the class by its initialiser, and load stateDict() into it")
        return false
    }

    // MARK: The tested types

    private class Base: Module {
        let number: Int
        var byte: UInt8 = 0xA5
        init(number: Int) { self.number = number }
    }

    private enum Choice: Equatable {
        case none
        case one(Tensor)
        case two(Tensor, Int)
        static func == (a: Choice, b: Choice) -> Bool {
            switch (a, b) {
            case (.none, .none): true
            case (.one(let x), .one(let y)): x === y
            case (.two(let x, let i), .two(let y, let j)): x === y && i == j
            default: false
            }
        }
    }

    private final class Counter {
        var ended = 0
    }

    private final class Canary<Value>: Base {
        let word: UInt64 = 0x0123_4567_89AB_CDEF
        let value: Value
        let weight = Parameter(Tensor([1.0, 2]))
        @Unregistered var wrapped = 0.25
        let pair: (Tensor, Int32) = (Tensor([3.0]), -7)
        let list = [Buffer(Tensor([4.0])), Buffer(Tensor([5.0]))]
        let any: Any = "held"
        let choice: Choice
        let last: UInt16 = 0xBEEF
        let counter: Counter

        init(_ value: Value, _ choice: Choice, _ counter: Counter) {
            (self.value, self.choice, self.counter) = (value, choice, counter)
            super.init(number: 0x5AFE_C0DE)
        }
        deinit { counter.ended += 1 }
    }

    private static func canary(_ counter: Counter = Counter()) -> Canary<String> {
        Canary("some text that is not held in the word", .two(Tensor([6.0]), 8), counter)
    }

    // MARK: The tests

    private static var fields: [StoredField] { StoredField.all(of: Canary<String>.self) }

    /// Checks the fields' names and types, those of superclasses first.
    private static func fieldProblem() -> String? {
        let wanted: [(String, Any.Type)] = [
            ("number", Int.self), ("byte", UInt8.self), ("word", UInt64.self), ("value", String.self), ("weight", Parameter.self),
            ("_wrapped", Unregistered<Double>.self), ("pair", (Tensor, Int32).self), ("list", [Buffer].self), ("any", Any.self),
            ("choice", Choice.self),
            ("last", UInt16.self), ("counter", Counter.self),
        ]
        let found = fields.suffix(wanted.count)
        guard found.count == wanted.count else { return "a class of \(wanted.count) fields and more has \(fields.count)" }
        for (field, (name, type)) in zip(found, wanted) where field.name != name || field.type != type || !field.isStrong {
            return "field '\(name)' of type \(type) is described as '\(field.name)' of type \(field.type)"
        }
        return nil
    }

    /// Checks that each field lies at its offset, within the object's memory.
    private static func extentProblem() -> String? {
        let object = canary()
        return withExtendedLifetime(object) { () -> String? in
            let memory = Unmanaged.passUnretained(object).toOpaque()
            let extent = Int(instanceExtents(Canary<String>.self).positive)
            let room = apus_object_room(memory)
            guard extent <= room else { return "an object is said to take \(extent) bytes, \(room) are its own" }
            var end = 2 * MemoryLayout<UnsafeRawPointer>.size // The class pointer and the reference count.
            for field in fields {
                guard field.offset >= end, field.offset % alignment(of: field.type) == 0, field.offset + size(of: field.type) <= extent
                else {
                    return "field '\(field.name)' is said to lie at byte \(field.offset) of \(extent)"
                }
                end = field.offset + size(of: field.type)
            }
            func holds<Value: Equatable>(_ name: String, _ value: Value) -> Bool {
                fields.last { $0.name == name }.map { (memory + $0.offset).assumingMemoryBound(to: Value.self).pointee == value } ?? false
            }
            let isThere =
                holds("number", 0x5AFE_C0DE) && holds("byte", UInt8(0xA5)) && holds("word", UInt64(0x0123_4567_89AB_CDEF))
                && holds("last", UInt16(0xBEEF))
                && holds("value", object.value) && holds("choice", object.choice)
            return isThere ? nil : "a field does not lie where it is said to"
        }
    }

    /// Checks that a payload is found and put back under its case.
    private static func enumProblem() -> String? {
        for value in [Choice.one(Tensor([1.0])), .two(Tensor([2.0]), 9)] {
            var copy = value
            var seen = false
            withUnsafeMutablePointer(to: &copy) { memory in
                EnumWitnesses(Choice.self).withPayload(of: UnsafeMutableRawPointer(memory)) { payload in
                    switch value {
                    case .none: break
                    case .one(let tensor): seen = payload.load(as: UnsafeRawPointer.self) == Unmanaged.passUnretained(tensor).toOpaque()
                    case .two(let tensor, let number):
                        seen =
                            payload.load(as: UnsafeRawPointer.self) == Unmanaged.passUnretained(tensor).toOpaque()
                            && payload.load(fromByteOffset: 8, as: Int.self) == number
                    }
                }
            }
            guard seen, copy == value else { return "the payload of an enum does not lie where it is said to" }
        }
        return nil
    }

    /// Checks that a copy has the same values and its own tensors, and is deinitialised once.
    private static func copyProblem() -> String? {
        let counter = Counter()
        var original: Canary<String>? = canary(counter)
        guard let source = original, var copy = ModuleCopier().copy(source as Module) as? Canary<String>? else {
            return "a copy is of another class"
        }
        let isSame =
            copy.map { copy in
                copy !== source && copy.number == source.number && copy.byte == source.byte && copy.word == source.word
                    && copy.value == source.value
                    && copy.wrapped == source.wrapped && copy.pair.1 == source.pair.1 && copy.any as? String == "held"
                    && copy.last == source.last
                    && copy.counter === counter && copy.weight !== source.weight && copy.weight.equal(source.weight)
                    && copy.pair.0 !== source.pair.0
                    && copy.pair.0.equal(source.pair.0) && zip(copy.list, source.list).allSatisfy { $0 !== $1 && $0.equal($1) }
                    && copy.list.count == 2
            } ?? false
        guard isSame, case .two(let tensor, 8)? = copy?.choice, case .two(let own, _) = source.choice, tensor !== own, tensor.equal(own)
        else {
            return "a copy has other values"
        }
        copy = nil
        guard counter.ended == 1 else { return "a copy ended \(counter.ended) times" }
        original = nil
        return original == nil ? nil : "an object stays"
    }

    private static func size<Value>(of type: Value.Type) -> Int { MemoryLayout<Value>.size }
    private static func alignment<Value>(of type: Value.Type) -> Int { MemoryLayout<Value>.alignment }
}
