import ApusFormats
import ApusSystem
import ApusTraining

/// The results of a run as one self-contained HTML file: curves, confusion matrix, worst mistakes, the model's summary, options.
///
/// Charts are inline SVG and images are data URIs, so the file can be mailed and archived. It follows the reader's light or dark setting.
public struct Report {
    /// An image that was classified wrongly.
    public struct WrongImage: Sendable {
        /// A PNG file's bytes.
        public var png: [UInt8]
        /// Its index in the test set.
        public var index: Int
        /// The path of its file; nil where it has none.
        public var file: String?
        /// The predicted class.
        public var predicted: String
        /// The probability of the predicted class.
        public var probability: Double
        /// The right class.
        public var actual: String
        /// The probability of the right class.
        public var actualProbability: Double

        /// An image and its classification.
        public init(
            png: [UInt8], index: Int, file: String? = nil, predicted: String, probability: Double, actual: String, actualProbability: Double
        ) {
            self.png = png
            self.index = index
            self.file = file
            self.predicted = predicted
            self.probability = probability
            self.actual = actual
            self.actualProbability = actualProbability
        }
    }

    /// Pictures with a line below each.
    public struct Gallery: Sendable {
        /// The heading, and a sentence below it.
        public var title, note: String
        /// PNG files' bytes, each with its line.
        public var pictures: [(png: [UInt8], caption: String)]

        /// A gallery.
        public init(title: String, note: String, pictures: [(png: [UInt8], caption: String)]) {
            (self.title, self.note, self.pictures) = (title, note, pictures)
        }
    }

    /// A table of text.
    public struct Table: Sendable {
        /// The title above it.
        public var title: String
        /// A sentence below the title; nil for none.
        public var note: String?
        /// The heads of the columns.
        public var header: [String]
        /// The rows, with as many cells.
        public var rows: [[String]]
        /// The columns of words; the others are right-aligned.
        public var texts: Set<Int>

        /// A table of these rows.
        public init(title: String, note: String? = nil, header: [String], rows: [[String]], texts: Set<Int> = [0]) {
            (self.title, self.note, self.header, self.rows, self.texts) = (title, note, header, rows, texts)
        }

        func html() -> String {
            func row(_ cells: [String], _ tag: String) -> String {
                let cells = cells.enumerated().map {
                    "<\(tag)\(texts.contains($0.offset) ? "" : " class=\"n\"")>\(escaped($0.element))</\(tag)>"
                }
                return "<tr>\(cells.joined())</tr>"
            }
            let lines = [row(header, "th")] + rows.map { row($0, "td") }
            return "<h2>\(escaped(title))</h2>\n" + (note.map { "<p class=\"note\">\(escaped($0))</p>\n" } ?? "")
                + (rows.isEmpty ? "" : "<div class=\"card\"><table>\n\(lines.joined(separator: "\n"))\n</table></div>\n")
        }
    }

    /// The title of the page.
    public var title: String
    /// One sentence below the title.
    public var lead: String
    /// The most important numbers, shown large.
    public var headline: [(label: String, value: String)] = []
    /// The charts, in order.
    public var charts: [Chart] = []
    /// Tables below the charts, in order.
    public var tables: [Table] = []
    /// How far the probabilities are from how often the model is right.
    public var calibration: CalibrationError?
    /// The names of the classes, and the confusion matrix.
    public var confusion: (classes: [String], matrix: ConfusionMatrix)?
    /// Images that were classified wrongly.
    public var wrong: [WrongImage] = []
    /// Other pictures, in order.
    public var galleries: [Gallery] = []
    /// The summary of the model's layers.
    public var summary: ModelSummary?
    /// Options, versions and machine.
    public var facts: [(name: String, value: String)] = []

    /// A page with a title, a sentence and no content.
    public init(title: String, lead: String) {
        self.title = title
        self.lead = lead
    }

    /// Writes the page atomically.
    public func write(to path: String) throws { try AtomicFile.write(html(), to: path) }

    /// The page as HTML.
    public func html() -> String {
        var body = "<h1>\(escaped(title))</h1>\n<p class=\"lead\">\(escaped(lead))</p>\n"
        if !headline.isEmpty {
            body +=
                "<div class=\"tiles\">"
                + headline.map { "<div class=\"tile\"><b>\(escaped($0.value))</b><span>\(escaped($0.label))</span></div>" }.joined()
                + "</div>\n"
        }
        if !charts.isEmpty { body += "<h2>Curves</h2>\n<div class=\"charts\">\n\(charts.map { $0.html() }.joined())</div>\n" }
        body += tables.map { $0.html() }.joined()
        if let confusion, !confusion.classes.isEmpty {
            body += classTable(confusion.matrix, confusion.classes).html() + confusionSection(confusion.matrix, confusion.classes)
        }
        if let calibration { body += calibrationSection(calibration) }
        if confusion != nil { body += wrongSection }
        for gallery in galleries where !gallery.pictures.isEmpty { body += gallerySection(gallery) }
        if let summary { body += summarySection(summary) }
        if !facts.isEmpty {
            let rows = facts.map { "<tr><th>\(escaped($0.name))</th><td class=\"code wrap\">\(escaped($0.value))</td></tr>" }.joined(
                separator: "\n")
            body += "<h2>What was run</h2>\n<div class=\"card\"><table>\n\(rows)\n</table></div>\n"
        }
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escaped(title))</title>
            <style>
            \(Report.style)
            </style>
            </head>
            <body><main>
            \(body)<footer>Written by Apus. Charts and images are part of this file.</footer>
            </main></body>
            </html>

            """
    }

    private func confusionSection(_ matrix: ConfusionMatrix, _ classes: [String]) -> String {
        // A larger matrix is unreadable; list the most frequent confusions instead.
        guard classes.count <= 40 else { return confusionList(matrix, classes) }
        let range = classes.indices
        var html =
            "<h2>Confusion matrix</h2>\n<p class=\"note\">Rows are what an image is, columns what it was taken for. Right answers are blue, errors orange, by their share of the row.</p>\n"
        html += "<div class=\"card confusion\"><table><thead><tr><th></th>"
        html +=
            classes.map { "<th scope=\"col\"><span>\(escaped($0))</span></th>" }.joined()
            + "<th><span>recall</span></th></tr></thead>\n<tbody>\n"
        for actual in range {
            let total = matrix.total(actual)
            html += "<tr><th scope=\"row\">\(escaped(classes[actual]))</th>"
            for predicted in range {
                let count = matrix[actual, predicted]
                let share = total == 0 ? 0 : Double(count) / Double(total)
                // Rare errors must be visible too, so their shade grows with the square root of the share.
                let shade = actual == predicted ? 0.12 + 0.78 * share : min(0.1 + 1.2 * share.squareRoot(), 0.9)
                let kind = count == 0 ? "zero" : actual == predicted ? "hit" : "err"
                let title = "\(escaped(classes[actual])) taken for \(escaped(classes[predicted])): \(count) of \(total)"
                html +=
                    "<td class=\"\(kind)\(count > 0 && shade > 0.62 ? " strong" : "")\" style=\"--a:\(Text.fixed(shade, 2))\" title=\"\(title)\">\(count)</td>"
            }
            html += "<td class=\"side\">\(total == 0 ? "" : Text.fixed(100 * matrix.recall(actual), 1) + " %")</td></tr>\n"
        }
        html += "</tbody><tfoot><tr><th>precision</th>"
        html += range.map { "<td class=\"side\">\(matrix.precision($0).isFinite ? Text.fixed(100 * matrix.precision($0), 1) : "")</td>" }
            .joined()
        return html + "<td></td></tr></tfoot></table></div>\n"
    }

    private func confusionList(_ matrix: ConfusionMatrix, _ classes: [String]) -> String {
        let (count, counts) = (classes.count, matrix.counts)
        let pairs = (0..<(count * count)).filter { $0 / count != $0 % count && counts[$0] > 0 }
        let worst = pairs.sorted { (counts[$1], $0) < (counts[$0], $1) }.prefix(30)
        let rows = worst.map {
            "<tr><td>\(escaped(classes[$0 / count]))</td><td>\(escaped(classes[$0 % count]))</td><td class=\"n\">\(counts[$0])</td></tr>"
        }
        return
            "<h2>Most frequent confusions</h2>\n<div class=\"card\"><table><tr><th>is</th><th>taken for</th><th class=\"n\">images</th></tr>\n\(rows.joined(separator: "\n"))</table></div>\n"
    }

    private var wrongSection: String {
        var html = "<h2>Most wrong about</h2>\n"
        guard !wrong.isEmpty else { return html + "<p class=\"note\">Every image of the test set was recognised.</p>\n" }
        html += "<p class=\"note\">Images of the test set with the highest probability for a wrong class.</p>\n<div class=\"wrong\">\n"
        for image in wrong {
            let percent = Text.fixed(100 * image.probability, 1)
            let name = escaped(image.file ?? "test image \(image.index)")
            html += "<figure><img alt=\"\(name)\" title=\"\(name)\" src=\"data:image/png;base64,\(base64(image.png))\">"
            html += "<b>\(escaped(image.predicted))</b>\(percent) %<div class=\"bar\"><i style=\"width:\(percent)%\"></i></div>"
            html +=
                "<span class=\"was\">is \(escaped(image.actual)), \(Text.fixed(100 * image.actualProbability, 1))\u{202F}%</span>"
            // The last part, since the whole path may be long; the title has that.
            if let file = image.file?.split(separator: "/").last { html += "<span class=\"was\">\(escaped(String(file)))</span>" }
            html += "</figure>\n"
        }
        return html + "</div>\n"
    }

    private func gallerySection(_ gallery: Gallery) -> String {
        var html = "<h2>\(escaped(gallery.title))</h2>\n<p class=\"note\">\(escaped(gallery.note))</p>\n<div class=\"wrong\">\n"
        for picture in gallery.pictures {
            html += "<figure><img alt=\"\(escaped(picture.caption))\" src=\"data:image/png;base64,\(base64(picture.png))\">"
            html += "<b>\(escaped(picture.caption))</b></figure>\n"
        }
        return html + "</div>\n"
    }

    private func summarySection(_ summary: ModelSummary) -> String {
        var html =
            "<h2>Model</h2>\n<div class=\"card\"><table><tr><th>layer</th><th>output shape</th><th class=\"n\">parameters</th><th class=\"n\">multiply-adds</th></tr>\n"
        for row in summary.rows {
            let indent = String(repeating: "  ", count: row.depth)
            html += "<tr><td class=\"code\">\(indent)\(escaped(row.title))</td><td class=\"code\">\(escaped(row.outputText))</td>"
            html += "<td class=\"n\">\(row.parametersText)</td><td class=\"n\">\(row.multiplyAddsText)</td></tr>\n"
        }
        html +=
            "<tr class=\"total\"><td>total</td><td></td><td class=\"n\">\(Text.grouped(summary.parameters))</td><td class=\"n\">\(Text.grouped(summary.multiplyAdds))</td></tr>"
        return html + "</table></div>\n"
    }
}
