/// A list that keeps its first two elements in the value itself, and an array for what is beyond: most ops have one or two inputs, and an
/// array for each would be a block from malloc.
///
/// The types that conform are written out for their element: Swift copies a generic value that holds references through a table of
/// functions, which costs more than the block.
package protocol ShortList: RandomAccessCollection, ExpressibleByArrayLiteral where Index == Int, ArrayLiteralElement == Element {
    /// Filled in this order. `more` is nil while it would be empty.
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

    /// Whether the test holds for one of them. As `contains(where:)`, without an iterator, which would copy the list.
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

/// The gradients of an op's inputs; nil where there is none, or nobody asks.
package struct Gradients: ShortList {
    package typealias Element = Tensor?
    package var first: Tensor??, second: Tensor??, more: [Tensor?]?

    @inline(__always) package init(first: Tensor??, second: Tensor??, more: [Tensor?]?) {
        (self.first, self.second, self.more) = (first, second, more)
    }
}

/// What a node has saved.
struct SavedTensors: ShortList {
    typealias Element = SavedTensor
    var first: SavedTensor?, second: SavedTensor?, more: [SavedTensor]?

    @inline(__always) init(first: SavedTensor?, second: SavedTensor?, more: [SavedTensor]?) {
        (self.first, self.second, self.more) = (first, second, more)
    }
}
