/// A list that stores its first two elements in the value itself and the others in an array: most ops have one or two inputs, and an array
/// would need an allocation.
///
/// Each conforming type declares the elements itself: Swift copies a generic value with references through a value witness table, which
/// costs more than the allocation.
package protocol ShortList: RandomAccessCollection, ExpressibleByArrayLiteral where Index == Int, ArrayLiteralElement == Element {
    /// Filled in this order. `more` is nil if it would be empty.
    var first: Element? { get set }
    var second: Element? { get set }
    var more: [Element]? { get set }
    init(first: Element?, second: Element?, more: [Element]?)
}

extension ShortList {
    @inline(__always) package init() { self.init(first: nil, second: nil, more: nil) }
    @inline(__always) package init(_ element: Element) { self.init(first: element, second: nil, more: nil) }
    @inline(__always) package init(_ first: Element, _ second: Element) { self.init(first: first, second: second, more: nil) }

    package init(_ elements: some Collection<Element>) {
        let rest = elements.dropFirst(2)
        self.init(first: elements.first, second: elements.dropFirst().first, more: rest.isEmpty ? nil : Array(rest))
    }

    @inline(__always) package init(arrayLiteral elements: Element...) {
        switch elements.count {
        case 1: self.init(elements[0])
        case 2: self.init(elements[0], elements[1])
        default: self.init(elements)
        }
    }

    @inline(__always) package mutating func append(_ element: Element) {
        if first == nil {
            first = element
        } else if second == nil {
            second = element
        } else {
            more = (more ?? []) + [element]
        }
    }

    @inline(__always) package var startIndex: Int { 0 }
    @inline(__always) package var endIndex: Int { first == nil ? 0 : second == nil ? 1 : 2 + (more?.count ?? 0) }

    @inline(__always) package subscript(i: Int) -> Element {
        get {
            switch i {
            case 0: first!
            case 1: second!
            default: more![i - 2]
            }
        }
        set {
            switch i {
            case 0: first = newValue
            case 1: second = newValue
            default: more![i - 2] = newValue
            }
        }
    }

    /// Like `contains(where:)`, but without an iterator, which would copy the list.
    @inline(__always) func any(_ test: (Element) -> Bool) -> Bool {
        if let first, test(first) { return true }
        if let second, test(second) { return true }
        if let more { return more.contains(where: test) }
        return false
    }
}

/// The inputs of an op.
package struct Inputs: ShortList {
    package typealias Element = Tensor
    package var first: Tensor?, second: Tensor?, more: [Tensor]?

    @inline(__always) package init(first: Tensor?, second: Tensor?, more: [Tensor]?) {
        (self.first, self.second, self.more) = (first, second, more)
    }
}

/// The gradients of an op's inputs; nil if there is none or it is not needed.
package struct Gradients: ShortList {
    package typealias Element = Tensor?
    package var first: Tensor??, second: Tensor??, more: [Tensor?]?

    @inline(__always) package init(first: Tensor??, second: Tensor??, more: [Tensor?]?) {
        (self.first, self.second, self.more) = (first, second, more)
    }
}

/// The tensors that a node has saved.
struct SavedTensors: ShortList {
    typealias Element = SavedTensor
    var first: SavedTensor?, second: SavedTensor?, more: [SavedTensor]?

    @inline(__always) init(first: SavedTensor?, second: SavedTensor?, more: [SavedTensor]?) {
        (self.first, self.second, self.more) = (first, second, more)
    }
}
