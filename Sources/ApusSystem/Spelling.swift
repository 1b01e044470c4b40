/// The candidate that a misspelt `name` may mean; nil if none is close (Levenshtein distance at most 2).
package func nearest(to name: String, in candidates: [String]) -> String? {
    func distance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for i in 0..<a.count {
            var diagonal = row[0]
            row[0] = i + 1
            for j in 0..<b.count {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
    let scored = candidates.map { (name: $0, distance: distance(Array(name.lowercased()), Array($0.lowercased()))) }
    return scored.filter { $0.distance <= min(2, name.count / 2) }.min { $0.distance < $1.distance }?.name
}
