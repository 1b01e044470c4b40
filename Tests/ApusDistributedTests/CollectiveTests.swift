import Testing

@testable import ApusDistributed

@Suite struct CollectiveTests {
    @Test func ranksOfOneProcessAreNumbered() throws {
        #expect(try ProcessGroup.threads(2).map(\.rank) == [0, 1])
    }
}
