import ApusCore
import Foundation
@testable import ApusData

/// The numbers 0, 1, … as float32, in that shape.
func numbers(_ shape: Shape) -> Tensor { Tensor((0..<shape.numel).map { Float($0) }, shape: shape) }

/// Squares of the index; one sample cannot be read.
struct Squares: Dataset {
    struct Unreadable: Error, CustomStringConvertible { var description: String { "no such square" } }
    var count = 100
    var broken: Int?
    subscript(index: Int) -> (Tensor, Tensor) {
        get throws {
            if index == broken { throw Unreadable() }
            return (Tensor([Float(index)], shape: [1]), Tensor([index * index], shape: []))
        }
    }
}
